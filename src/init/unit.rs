//! The systemd unit of `init --unit`: the text is the model's, the values are those of shipit.toml and of the folder.

use std::path::PathBuf;

use super::Clues;
use super::variables::Data;
use super::write::NewFile;
use crate::model::failure::{Failure, Kind, Outcome};
use crate::model::settings::Settings;
use crate::model::unit_file::{PortVariable, RunsAs, UnitFile, app_user};
use crate::tools::cmd::quoted;

/// What somebody should look at, and what to do.
type Note = (String, Option<String>);

/// A unit for these settings, beside shipit.toml, and what somebody should look at in it.
///
/// # Errors
/// [`Kind::Usage`] where the tree has a unit of this name already.
pub fn unit(settings: &Settings, clues: &Clues, program: Option<&str>) -> Outcome<(NewFile, Option<Note>)> {
    if let Some(found) = clues.units.iter().find(|found| found.unit == settings.unit) {
        return Err(Failure::msg(
            Kind::Usage,
            format!("{} is such a unit already, and is not written over", found.file),
        )
        .hint(format!("to install it on the server: shipit setup --unit {}", quoted(found.file.as_ref()))));
    }
    let own = clues.flake.program.main.as_deref().or(clues.flake.program.pname.as_deref());
    let program = program.or(own).unwrap_or(settings.app.as_str());
    let login =
        settings.host.as_str().trim_start_matches("ssh://").rsplit_once('@').map_or("", |(login, _)| login);
    let user = app_user(&settings.app, login);
    let user = user.ok_or_else(|| Failure::msg(Kind::Usage, "the app's name makes no user's name"))?;
    let data = format!("{}/data", settings.root);
    let value = |variable: &Data| match variable {
        Data::File(name) => (name.clone(), format!("{data}/{}.db", settings.app)),
        Data::Folder(name) => (name.clone(), data.clone()),
    };
    let environment: Vec<(String, String)> =
        clues.code.data.iter().map(|(variable, _)| value(variable)).collect();
    let file = UnitFile {
        app: &settings.app,
        root: &settings.root,
        runs_as: RunsAs::System(user),
        port: settings.health.http.as_ref().and_then(|http| http.port()),
        environment: &environment,
    };
    let variable = clues.code.listens.as_ref();
    let variable = variable.map_or(PortVariable::Guess, |it| PortVariable::Named(&it.name, &it.before));
    let guess = file.port.filter(|_| variable == PortVariable::Guess);
    let note = guess.map(|port| {
        let text =
            format!("nothing here tells how the app is told its port; {} sets PORT={port}", settings.unit);
        (text, Some("does the app read PORT?".to_owned()))
    });
    let path: PathBuf = settings.folder.join(settings.unit.as_str());
    Ok((NewFile { path, text: file.text_of(program, variable) }, note))
}
