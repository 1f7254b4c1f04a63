//! `completions` and `man`: what is made of the command line's own words. Neither needs a shipit.toml.

use std::fs;
use std::io::{self, Write as _};
use std::path::Path;

use clap::{Arg, ArgAction, Command, CommandFactory as _};
use clap_mangen::Man;

use crate::cli::{Cli, CompletionsArgs, ManArgs};
use crate::context::Context;
use crate::model::failure::{Failed as _, Failure, Kind, Outcome};
use crate::ui::{Ui, text};

/// The script that lets a shell complete.
pub fn completions(ui: &Ui, args: &CompletionsArgs) -> Outcome<()> {
    refuse_json(ui, "completions")?;
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "shipit", &mut script);
    ui.print(&String::from_utf8_lossy(&script))
}

/// The main page on stdout, or all pages into a folder.
pub fn man(ui: &Ui, context: &Context, args: &ManArgs) -> Outcome<()> {
    refuse_json(ui, "man")?;
    let mut whole = Cli::command().disable_help_subcommand(true);
    whole.build();
    let Some(folder) = &args.folder else {
        let main = page(&whole).failed(Kind::Bug, "the page could not be made")?;
        return ui.print(&String::from_utf8_lossy(&main));
    };
    let folder = context.cwd.join(folder);
    let pages = write_pages(&whole, &folder)
        .failed(Kind::Usage, format!("the pages could not be written into {}", folder.display()))?;
    ui.say(format!("{} in {}", text::count(pages, "page"), folder.display()));
    Ok(())
}

fn refuse_json(ui: &Ui, command: &str) -> Outcome<()> {
    if ui.is_json() {
        let why = format!("`{command}` has no --json: its answer has a form of its own");
        return Err(Failure::msg(Kind::Usage, why).hint(format!("shipit {command} --help")));
    }
    Ok(())
}

/// How many were written.
fn write_pages(whole: &Command, folder: &Path) -> io::Result<u64> {
    fs::create_dir_all(folder)?;
    let mut count = 0;
    for command in whole.get_subcommands().chain([whole]) {
        fs::write(folder.join(Man::new(command.clone()).get_filename()), page(command)?)?;
        count += 1;
    }
    Ok(count)
}

/// Each option with the name of its value, which clap_mangen leaves out; the command's own ones first.
fn synopsis(command: &Command) -> String {
    let options = command.get_arguments().filter(|arg| !arg.is_positional() && !arg.is_hide_set());
    let (global, own): (Vec<&Arg>, Vec<&Arg>) = options.partition(|arg| arg.is_global_set());
    let mut words = vec![bold(command.get_bin_name().unwrap_or(command.get_name()))];
    words.extend(own.into_iter().chain(global).map(option));
    let several = |arg: &Arg| arg.get_num_args().is_some_and(|many| many.max_values() > 1);
    words.extend(command.get_positionals().map(|arg| {
        let name = format!("{}{}", values(arg), if several(arg) { "..." } else { "" });
        if arg.is_required_set() { name } else { format!("[{name}]") }
    }));
    if command.has_subcommands() {
        words.push(italic("COMMAND"));
    }
    words.join(" ")
}

/// `[-e|--environment NAME]`
fn option(arg: &Arg) -> String {
    let short = arg.get_short().map(|letter| bold(&format!("-{letter}")));
    let long = arg.get_long().map(|word| bold(&format!("--{word}")));
    let names: Vec<String> = short.into_iter().chain(long).collect();
    let value = match arg.get_action() {
        ArgAction::Set | ArgAction::Append => format!(" {}", values(arg)),
        _ => String::new(),
    };
    let again = matches!(arg.get_action(), ArgAction::Append | ArgAction::Count);
    format!("[{}{value}]{}", names.join("|"), if again { "..." } else { "" })
}

fn values(arg: &Arg) -> String {
    let names = arg.get_value_names().unwrap_or_default();
    names.iter().map(|name| italic(name)).collect::<Vec<_>>().join(" ")
}

fn bold(text: &str) -> String {
    format!("\\fB{}\\fR", text.replace('-', "\\-"))
}

fn italic(text: &str) -> String {
    format!("\\fI{}\\fR", text.replace('-', "\\-"))
}

/// One page. What stands behind a command's help becomes sections, each line as it is: clap_mangen would fill them.
fn page(command: &Command) -> io::Result<Vec<u8>> {
    let program = concat!("shipit ", env!("CARGO_PKG_VERSION"));
    let man = Man::new(command.clone()).source(program).manual("shipit");
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    writeln!(page, ".SH SYNOPSIS\n{}", synopsis(command))?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    if command.has_subcommands() {
        man.render_subcommands_section(&mut page)?;
    }
    let behind = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    for line in behind.lines() {
        let escaped = line.replace('\\', "\\e").replace('-', "\\-").replace('\'', "\\(aq");
        let text = match escaped.strip_suffix(':') {
            Some(title) if !title.starts_with(' ') => format!(".SH {}\n.nf\n", title.to_uppercase()),
            _ if line.is_empty() => ".fi\n".to_owned(),
            _ => format!("\\&{}\n", escaped.trim_start()),
        };
        page.extend(text.bytes());
    }
    Ok(page)
}

#[cfg(test)]
mod tests {
    use snapbox::{assert_data_eq, str};

    use super::*;

    #[test]
    fn a_synopsis_names_the_values() {
        let mut whole = Cli::command().disable_help_subcommand(true);
        whole.build();
        let plain = |name: &str| {
            let text = synopsis(whole.find_subcommand(name).unwrap());
            ["\\fB", "\\fI", "\\fR", "\\"].iter().fold(text, |text, code| text.replace(code, "")) + "\n"
        };
        assert_data_eq!(
            plain("prune") + &plain("exec") + &plain("rollback"),
            str![[r#"
shipit prune [--keep N] [--dry-run] [--gc] [--wait DURATION] [-h|--help] [-e|--environment NAME] [-C DIR] [-c|--config FILE] [--host-key KEY] [-v|--verbose]... [-q|--quiet] [--color WHEN] [--json]
shipit exec [-t|--tty] [-T|--no-tty] [-h|--help] [-e|--environment NAME] [-C DIR] [-c|--config FILE] [--host-key KEY] [-v|--verbose]... [-q|--quiet] [--color WHEN] [--json] CMD...
shipit rollback [--hold REASON] [--wait DURATION] [-h|--help] [-e|--environment NAME] [-C DIR] [-c|--config FILE] [--host-key KEY] [-v|--verbose]... [-q|--quiet] [--color WHEN] [--json] [RELEASE]

"#]]
        );
    }
}
