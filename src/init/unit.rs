//! The systemd unit of `init --unit`: the text is the model's, the values are those of shipit.toml and of the folder.

use std::path::PathBuf;

use super::Clues;
use super::found_unit::port;
use super::write::NewFile;
use crate::model::failure::{Failed as _, Failure, Kind, Outcome};
use crate::model::names::UserName;
use crate::model::settings::Settings;
use crate::model::unit_file::{RunsAs, UnitFile};

/// A unit for these settings, beside shipit.toml.
///
/// # Errors
/// [`Kind::Usage`] where the tree has a unit of this name already.
pub fn unit(settings: &Settings, clues: &Clues, program: Option<&str>) -> Outcome<NewFile> {
    if let Some(found) = clues.units.iter().find(|found| found.unit == settings.unit) {
        return Err(Failure::msg(
            Kind::Usage,
            format!("{} is such a unit already, and is not written over", found.file),
        )
        .hint("it is used as it is: `shipit doctor` says what it lacks"));
    }
    let own = clues.flake.program.main.as_deref().or(clues.flake.program.pname.as_deref());
    let program = program.or(own).unwrap_or(settings.app.as_str());
    let user: Result<UserName, _> = settings.app.as_str().to_lowercase().parse();
    let user = user.or_else(|_| "app".parse()).failed(Kind::Bug, "a name for the app's user")?;
    let listens = settings.health.http.as_ref().and_then(|http| {
        let (_, rest) = http.url.split_once("://")?;
        let place = rest.split(['/', '?']).next()?;
        place.contains(':').then(|| port(place)).flatten()
    });
    let file = UnitFile {
        app: &settings.app,
        root: &settings.root,
        runs_as: RunsAs::System(user),
        port: listens,
        environment: &[],
    };
    let path: PathBuf = settings.folder.join(settings.unit.as_str());
    Ok(NewFile { path, text: file.text_of(program) })
}
