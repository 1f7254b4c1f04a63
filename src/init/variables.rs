//! The variables that an app's code reads, as far as their names tell that a unit has to set them. Guesses, all of them.

use super::found_unit::{is_port, port};
use super::source_code::{SourceCode, is_comment};
use crate::model::names::RootPath;

/// The port of an app that listens wherever it is told to.
pub const PORT: u16 = 3000;

/// Variables that name a database file …
const DATABASES: &[&str] =
    &["DB_PATH", "DB_FILE", "DATABASE_PATH", "DATABASE_FILE", "SQLITE_PATH", "SQLITE_FILE", "SQLITE_DB"];
/// … and those that name a folder to write into.
const FOLDERS: &[&str] =
    &["DATA_DIR", "DATA_PATH", "STORAGE_DIR", "STORAGE_PATH", "UPLOAD_DIR", "UPLOADS_DIR"];

/// What a line has that reads a variable: Go, Rust, Node, Python, Ruby, Elixir, PHP, Java, Deno.
const READS: &[&str] = &[
    "getenv",
    "get_env",
    "lookupenv",
    "env::var",
    "process.env",
    "environ",
    "env[",
    "env.",
    "env(",
    "env:\"",
];
/// How a variable's name ends that may say where something lies.
const PLACES: &[&str] = &[
    "CACHE",
    "DATA",
    "DATABASE",
    "DB",
    "DIR",
    "DIRECTORY",
    "FILE",
    "FOLDER",
    "PATH",
    "ROOT",
    "STATE",
    "STORAGE",
    "STORE",
    "UPLOADS",
];
/// Set by systemd, by a shell or by a builder, and not by a unit.
const NOT_THE_UNIT_S: &[&str] = &[
    "CACHE_DIRECTORY",
    "CONFIGURATION_DIRECTORY",
    "CREDENTIALS_DIRECTORY",
    "LOGS_DIRECTORY",
    "NODE_PATH",
    "PATH",
    "RUNTIME_DIRECTORY",
    "STATE_DIRECTORY",
];
const BUILDERS: &[&str] = &["CARGO_", "NIX_", "XDG_", "GITHUB_", "TEST_"];

/// A variable that the code reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variable {
    /// Its name.
    pub name: String,
    /// It says where the app listens; else where something lies.
    pub is_port: bool,
    /// Which file reads it.
    pub file: String,
}

/// The variable that says where the app listens, and what stands before the port in its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listens {
    /// `SERVER_PORT`
    pub name: String,
    /// `:` of `env("SERVER_PORT", ":3001")`; empty: a number alone.
    pub before: String,
}

/// A variable that says where data lies.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Data {
    /// `SERVER_DB_PATH`: a file.
    File(String),
    /// `UPLOAD_DIR`: a folder.
    Folder(String),
}

impl Data {
    /// The variable's name.
    pub fn name(&self) -> &str {
        match self {
            Data::File(name) | Data::Folder(name) => name,
        }
    }

    /// What a variable's name tells.
    fn of(name: &str) -> Option<Self> {
        let ends =
            |endings: &[&str]| endings.iter().any(|end| name == *end || name.ends_with(&format!("_{end}")));
        if ends(DATABASES) {
            Some(Data::File(name.to_owned()))
        } else if ends(FOLDERS) {
            Some(Data::Folder(name.to_owned()))
        } else {
            None
        }
    }
}

impl SourceCode {
    /// Variables that a new unit may have to set: what is found, and what to write.
    pub fn to_set(&self, root: &RootPath) -> Vec<(String, Option<String>)> {
        // One that is known is set, and is not in the list.
        let unknown = self.listens.is_none();
        let needed = self.variables.iter().filter(|it| !it.is_port || unknown);
        let port = self.port.as_ref().map_or(PORT, |(port, _)| *port);
        let note = |Variable { name, is_port, file }: &Variable| {
            let (tells, value) = match is_port {
                true => ("where the app listens", port.to_string()),
                false => ("where its files lie", format!("{root}/data")),
            };
            let text = format!("{file} reads {name}, by its name {tells}; a new unit does not set it");
            (text, Some(format!("perhaps, in the unit: Environment={name}={value}")))
        };
        needed.map(note).collect()
    }
}

/// The variable that is read for where the app listens: `PORT`, or the only one beside a port.
pub fn listens(code: &[(String, String)]) -> Option<Listens> {
    let mut found: Vec<Listens> = Vec::new();
    let mut reads_port = false;
    for line in code.iter().flat_map(|(_, text)| text.lines()).filter(|line| reads(line)) {
        for name in names(line).filter(|name| is_port(name)) {
            reads_port |= name == "PORT";
            if let Some(before) = before_port(line, name)
                && found.iter().all(|other| other.name != name)
            {
                found.push(Listens { name: name.to_owned(), before });
            }
        }
    }
    if let Some(at) = found.iter().position(|it| it.name == "PORT") {
        return Some(found.swap_remove(at));
    }
    if reads_port {
        return Some(Listens { name: "PORT".to_owned(), before: String::new() });
    }
    found.pop().filter(|_| found.is_empty())
}

/// What stands before the port that follows a name in its line: `:` of `env("SERVER_PORT", ":3001")`.
fn before_port(line: &str, name: &str) -> Option<String> {
    let (_, rest) = line.split_once(name)?;
    let value = rest.split(|c: char| !(c.is_ascii_alphanumeric() || ".:[]".contains(c))).find(|word| {
        word.ends_with(|c: char| c.is_ascii_digit()) && port(word).is_some_and(|port| port >= 80)
    })?;
    Some(value.trim_end_matches(|c: char| c.is_ascii_digit()).to_owned())
}

/// Variables whose names say that an app's data lies there.
pub fn data(code: &[(String, String)]) -> Vec<(Data, String)> {
    let mut found: Vec<(Data, String)> = Vec::new();
    for (file, text) in code {
        for line in text.lines().filter(|line| !is_comment(line)) {
            for variable in names(line).filter_map(Data::of) {
                if found.iter().all(|(other, _)| *other != variable) {
                    found.push((variable, file.clone()));
                }
            }
        }
    }
    found
}

/// Variables that are read from the environment, and whose names tell of a place or of where the app listens.
pub fn variables(code: &[(String, String)]) -> Vec<Variable> {
    let mut found: Vec<Variable> = Vec::new();
    for (file, text) in code {
        for name in text.lines().filter(|line| reads(line)).flat_map(names) {
            let is_port = is_port(name);
            if (is_port || is_place(name)) && found.iter().all(|other| other.name != name) {
                found.push(Variable { name: name.to_owned(), is_port, file: file.clone() });
            }
        }
    }
    found
}

/// The line reads a variable.
fn reads(line: &str) -> bool {
    let line = line.to_lowercase();
    !is_comment(&line) && READS.iter().any(|read| line.contains(read))
}

/// What is written in capitals.
fn names(line: &str) -> impl Iterator<Item = &str> {
    let words = line.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    words.filter(|word| word.starts_with(|c: char| c.is_ascii_uppercase()) && *word == word.to_uppercase())
}

fn is_place(name: &str) -> bool {
    let set_by_others =
        NOT_THE_UNIT_S.contains(&name) || BUILDERS.iter().any(|begin| name.starts_with(begin));
    !set_by_others && name.rsplit('_').next().is_some_and(|last| PLACES.contains(&last))
}

#[cfg(test)]
mod tests {
    use super::super::source_code::tests::read;
    use super::*;

    #[test]
    fn variables_that_say_where_data_lies() {
        let code = read(&[
            ("main.go", "path := env(\"SERVER_DB_PATH\", \"data/server.db\")\n// OLD_DB_PATH\nDB_PATHS := 1"),
            ("x.js", "fs.mkdirSync(process.env.UPLOAD_DIR); process.env.SERVER_DB_PATH"),
        ]);
        let file = (Data::File("SERVER_DB_PATH".to_owned()), "main.go".to_owned());
        assert_eq!(code.data, [file, (Data::Folder("UPLOAD_DIR".to_owned()), "x.js".to_owned())]);
    }

    #[test]
    fn variables_that_are_read_in_each_language() {
        let code = read(&[
            ("main.go", "dir := os.Getenv(\"NOTES_DATA\")\n// os.Getenv(\"OLD_DIR\")\nconst MAX_PATH = 3"),
            ("a.rs", "let p = std::env::var(\"A_ROOT\"); let d = env!(\"CARGO_MANIFEST_DIR\");"),
            ("b.js", "const f = process.env.B_FILE || 'x', p = process.env.PORT"),
            (
                "c.py",
                "os.environ.get('C_FOLDER'); os.environ['PATH']; os.environ['C_LISTEN']; os.environ['DB_PORT']",
            ),
            ("d.rb", "ENV.fetch('D_STORE'); ENV['DB_PATH']; ENV['D_SECRET']"),
        ]);
        let names: Vec<&str> = code.variables.iter().map(|it| it.name.as_str()).collect();
        assert_eq!(names, ["NOTES_DATA", "A_ROOT", "B_FILE", "C_FOLDER", "C_LISTEN", "D_STORE"]);
        assert!(code.variables.iter().all(|it| it.is_port == (it.name == "C_LISTEN")));
        assert_eq!((code.reads_port.as_deref(), code.data.len()), (Some("b.js"), 1));
    }
    #[test]
    fn the_variable_beside_a_port_says_where_the_app_listens() {
        for (line, found) in [
            ("net.Listen(\"tcp\", env(\"SERVER_PORT\", \":3001\"))", Some(("SERVER_PORT", ":"))),
            ("os.environ.get('LISTEN_ADDR', '127.0.0.1:8080')", Some(("LISTEN_ADDR", "127.0.0.1:"))),
            ("app.listen(process.env.WEB_PORT || 3000)", Some(("WEB_PORT", ""))),
            ("app.listen(process.env.PORT)", Some(("PORT", ""))),
            ("env(\"PORT\", \":3001\"); env(\"ADMIN_PORT\", \":3002\")", Some(("PORT", ":"))),
            ("env(\"HTTP_PORT\", 8080); env(\"GRPC_PORT\", 8081)", None),
            ("os.Getenv(\"SERVER_PORT\")", None),
            ("env(\"DB_PORT\", 5432)", None),
            ("// env(\"SERVER_PORT\", \":3001\")", None),
        ] {
            let listens = read(&[("main.go", line)]).listens;
            let listens = listens.as_ref().map(|it| (it.name.as_str(), it.before.as_str()));
            assert_eq!(listens, found, "{line}");
        }
    }
}
