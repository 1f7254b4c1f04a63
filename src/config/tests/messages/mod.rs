//! Every sentence that refuses a shipit.toml, as it is shown.

use super::World;

mod names;
mod shape;
mod together;
mod values;

/// The failures of several files, one behind the other; each file is two good lines and one of these texts.
fn errors(texts: &[&str]) -> String {
    whole(&texts.iter().map(|text| format!("app = \"a\"\nhost = \"b\"\n{text}\n")).collect::<Vec<_>>())
}

/// The same, of whole files.
fn whole(files: &[impl AsRef<str>]) -> String {
    let error = |text: &str| {
        let world = World::new(text);
        world.text(world.load(None).expect_err(text))
    };
    files.iter().map(|text| error(text.as_ref())).collect::<Vec<_>>().join("\n")
}
