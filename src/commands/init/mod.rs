//! `shipit init`: a shipit.toml out of what the folder tells, and perhaps a unit and a workflow.

use std::path::{Path, PathBuf};

use crate::cli::{Global, InitArgs};
use crate::config::{self, Choice};
use crate::context::Context;
use crate::deploy::send::signing_key::SigningKey;
use crate::init::draft::{Draft, draft};
use crate::init::github::{self, GitHub};
use crate::init::key::{self, Key};
use crate::init::write::{NewFile, is_free};
use crate::init::{self, Clues, Given, text, unit};
use crate::model::failure::{Failed as _, Failure, Kind, Outcome};
use crate::model::names::HostName;
use crate::model::settings::Settings;
use crate::tools::cmd::quoted;
use crate::ui::Ui;
use files::Files;
use told::Told;

mod files;
mod told;

/// How often a host that can be none is asked for again.
const TRIES: usize = 3;
/// What a host looks like.
const SAMPLE_HOST: &str = "deploy@server.example";

/// Runs it.
pub async fn run(global: &Global, context: &Context, args: &InitArgs, ui: &Ui) -> Outcome<()> {
    let file = context.cwd.join(global.config.as_deref().unwrap_or(Path::new(config::NAME)));
    let folder = flake_folder(context, &file, global)?;
    let is_there = file.symlink_metadata().is_ok();
    if is_there && (args.unit || args.github) && !says_something(args) {
        return beside(global, context, args, ui, file, &folder).await;
    }
    is_free(&file, &context.cwd).map_err(|failure| {
        failure.hint(format!(
            "a unit for it: {}; a workflow: {}",
            ui.command("init --unit"),
            ui.command("init --github")
        ))
    })?;
    if let Some(name) = global.environment.as_deref().filter(|name| *name != "production") {
        return Err(Failure::msg(Kind::Usage, "a new shipit.toml has one environment, which is production")
            .hint(format!("write it without -e; below its last line then: [environments.{name}]")));
    }

    init::are_part(&folder, &args.assets).await?;
    let clues = look(context, &folder, ui).await?;
    let host = match (&args.host, clues.host()) {
        (Some(host), _) => Some(host.clone()),
        (None, Some(_)) => None,
        (None, None) => Some(ask_host(ui).await?),
    };
    let new = async |key: Option<Key>| -> Outcome<(Draft, Files)> {
        let home = context.home.as_deref().filter(|_| args.github && key.is_some());
        let public_key = home.and_then(|home| public_half(&key::file(home)));
        let mut draft = draft(&Given { key, public_key, ..given(args) }, host.as_ref(), &clues)?;
        let text = text::text(&draft);
        // What is written is what the other commands read.
        let settings = config::parse(context, folder.clone(), shown(context, &file), text.clone())?;
        let mut new = vec![NewFile { path: file.clone(), text }];
        if args.unit {
            let (file, note) = unit::unit(&settings, &clues, draft.program.as_deref())?;
            new.push(file);
            draft.notes.extend(note);
        }
        Ok((draft, Files::free(new, github(global, context, args, ui, &settings).await?, &context.cwd)?))
    };
    let key = (!args.no_sign).then(|| key::expected(context));
    let (mut draft, mut files) = new(key.clone()).await?;
    // Nothing is in the way any more, so the key is not made in vain.
    let mut made = None;
    if let Some(Key::Made(file)) = key {
        let key = key::make(file.clone(), &context.who).await;
        made = matches!(key, Key::Made(_)).then_some(file);
        (draft, files) = new(Some(key)).await?;
    }
    let written: Vec<PathBuf> = files.write()?.into_iter().chain(made).collect();
    let told = Told { notes: &draft.notes, draft: Some(&draft), files: &files, written: &written };
    told.say(context, ui)
}

/// What belongs to a shipit.toml that is there already.
async fn beside(
    global: &Global,
    context: &Context,
    args: &InitArgs,
    ui: &Ui,
    file: PathBuf,
    folder: &Path,
) -> Outcome<()> {
    let choice = Choice { file: Some(file), environment: global.environment.clone(), host_key: None };
    let settings = config::load(context, &choice)?;
    let (mut new, mut notes) = (Vec::new(), Vec::new());
    if args.unit {
        let clues = look(context, folder, ui).await?;
        let (file, note) = unit::unit(&settings, &clues, None)?;
        new.push(file);
        notes = [clues.flake.notes.clone(), clues.to_set(&settings.root)].concat();
        notes.extend(note);
    }
    let files = Files::free(new, github(global, context, args, ui, &settings).await?, &context.cwd)?;
    let written = files.write()?;
    Told { notes: &notes, draft: None, files: &files, written: &written }.say(context, ui)
}

/// The workflow, where it is wished.
async fn github(
    global: &Global,
    context: &Context,
    args: &InitArgs,
    ui: &Ui,
    settings: &Settings,
) -> Outcome<Option<GitHub>> {
    if !args.github {
        return Ok(None);
    }
    if let Some(file) =
        global.config.as_deref().filter(|file| file.file_name() != Some(config::NAME.as_ref()))
    {
        let text = format!("the workflow's shipit reads {}, and not {}", config::NAME, file.display());
        return Err(Failure::msg(Kind::Usage, text).hint("let it be an environment of that file: -e NAME"));
    }
    let public = settings.signing_key.as_deref().and_then(public_half);
    // Right for a new server, and for one that is set up, whoever may log in there so far.
    let let_in = ui.command("setup --as root --key");
    let (action, home) = (args.action.as_ref(), context.home.as_deref());
    let mut github = github::workflow(settings, action, &let_in, home, public.as_deref()).await?;
    if !args.unit && !init::has_unit(&settings.folder).await {
        let how = format!("and --unit, if the server has none: {}", ui.command("init --unit"));
        github.notes.push(("no systemd unit lies here".to_owned(), Some(how)));
    }
    Ok(Some(github))
}

/// What others believe a signing key by. One that can't be read is what the next deploy speaks of.
fn public_half(file: &Path) -> Option<String> {
    SigningKey::look(file).ok().map(|(key, _)| key.public)
}

async fn look(context: &Context, folder: &Path, ui: &Ui) -> Outcome<Clues> {
    // Nix may have to fetch the flake's inputs first.
    if ui.is_interactive() {
        ui.say("asking Nix what flake.nix has (for at most a minute)");
    }
    init::look(folder, &context.runtime_folder).await
}

/// The command line has words about shipit.toml.
fn says_something(args: &InitArgs) -> bool {
    let InitArgs { host, app, package, root, unit_name, assets, port, health, no_sign, .. } = args;
    let names = host.is_some() || app.is_some() || package.is_some() || root.is_some() || unit_name.is_some();
    names || !assets.is_empty() || port.is_some() || health.is_some() || *no_sign
}

fn given(args: &InitArgs) -> Given {
    Given {
        app: args.app.clone(),
        package: args.package.clone(),
        root: args.root.clone(),
        unit: args.unit_name.clone(),
        assets: args.assets.clone(),
        health: args.health.clone(),
        port: args.port,
        key: None,
        public_key: None,
    }
}

/// The folder that the file will lie in, which has to have the flake.
fn flake_folder(context: &Context, file: &Path, global: &Global) -> Outcome<PathBuf> {
    let folder = file.parent().unwrap_or(Path::new("/"));
    let cannot = format!("there is no folder {}", folder.display());
    let folder = folder.canonicalize().failed(Kind::Usage, cannot)?;
    if folder.join("flake.nix").is_file() {
        return Ok(folder);
    }
    let mut failure = Failure::msg(Kind::Usage, format!("there is no flake.nix in {}", folder.display()));
    let near = init::flakes_near(&folder);
    for folder in near.iter().filter(|_| global.config.is_none()) {
        // As it is typed where shipit was started, which is not `context.cwd` with -C.
        let way = match (folder.strip_prefix(&context.cwd), &global.directory) {
            (Ok(below), Some(directory)) => directory.join(below),
            (Ok(below), None) => below.to_owned(),
            (Err(_), _) => folder.clone(),
        };
        failure = failure.hint(format!("there is one in {0}: shipit -C {0} init", quoted(way.as_os_str())));
    }
    if near.is_empty() {
        failure =
            failure.hint("shipit deploys a package of a flake: `nix flake init` writes a first flake.nix");
    }
    Err(failure)
}

/// The one thing that no folder tells.
async fn ask_host(ui: &Ui) -> Outcome<HostName> {
    let unknown = || {
        Failure::msg(Kind::Usage, "which server to deploy to can't be found out here")
            .hint(ui.command(format_args!("init --host {SAMPLE_HOST}")))
    };
    for _ in 0..TRIES {
        let question = format!("Which server, as ssh takes it ({SAMPLE_HOST})?");
        let typed = ui.ask(&question, false).await.ok_or_else(unknown)?;
        match typed.trim().parse() {
            Ok(host) => return Ok(host),
            Err(error) => ui.warn(&error.to_string()),
        }
    }
    Err(unknown())
}

/// A path as one types it here.
fn shown(context: &Context, path: &Path) -> String {
    path.strip_prefix(&context.cwd).unwrap_or(path).display().to_string()
}
