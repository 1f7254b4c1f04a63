//! What the app's own code, a Dockerfile or a fly.toml let guess: where it listens, and what it is asked.

use super::found_unit::port;

/// Ports that apps talk to, rather than listen on.
const OTHERS: &[u16] = &[2375, 3306, 4222, 5432, 5672, 6379, 9092, 9200, 11211, 15672, 27017];
/// What a health check is called, most usual first.
const CHECKS: &[&str] = &["/healthz", "/health", "/api/health", "/up", "/livez", "/readyz"];

/// Variables that name a database file …
const DATABASES: &[&str] =
    &["DB_PATH", "DB_FILE", "DATABASE_PATH", "DATABASE_FILE", "SQLITE_PATH", "SQLITE_FILE", "SQLITE_DB"];
/// … and those that name a folder to write into.
const FOLDERS: &[&str] =
    &["DATA_DIR", "DATA_PATH", "STORAGE_DIR", "STORAGE_PATH", "UPLOAD_DIR", "UPLOADS_DIR"];

/// What the code says.
#[derive(Debug, Default)]
pub struct SourceCode {
    files: Vec<(String, String)>,
    /// Where it listens, and which file says so.
    pub port: Option<(u16, String)>,
    /// The path of a health check, and which file names it.
    pub check: Option<(String, String)>,
    /// Variables that say where the app's data lies, and which file reads each.
    pub data: Vec<(Data, String)>,
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
    /// Reads files: names and texts.
    pub fn read(files: &[(String, String)]) -> Self {
        let (described, code): (Vec<_>, Vec<_>) = files
            .iter()
            .cloned()
            .partition(|(name, _)| ["Dockerfile", "Containerfile", "fly.toml"].contains(&name.as_str()));
        let port =
            described.iter().find_map(|(name, text)| Some((described_port(name, text)?, name.clone())));
        let check = CHECKS.iter().find_map(|path| {
            let file = code.iter().find(|(_, text)| quoted(text, path))?;
            Some(((*path).to_owned(), file.0.clone()))
        });
        let data = data(&code);
        SourceCode { port: port.or_else(|| only_port(&code)), check, data, files: code }
    }

    /// Whether the code names this folder as one reads a path: `"views"`, `"./views/…`.
    pub fn speaks_of(&self, folder: &str) -> bool {
        let names = |text: &str| {
            quoted(text, folder)
                || ["\"", "'", "`", "./"].iter().any(|before| text.contains(&format!("{before}{folder}/")))
                || ["\"", "'", "`"].iter().any(|quote| text.contains(&format!("./{folder}{quote}")))
        };
        self.files.iter().any(|(_, text)| names(text))
    }
}

fn data(code: &[(String, String)]) -> Vec<(Data, String)> {
    let mut found: Vec<(Data, String)> = Vec::new();
    for (file, text) in code {
        for line in text.lines().filter(|line| !is_comment(line)) {
            let words = line.split(|c: char| !(c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_'));
            for variable in words.filter_map(Data::of) {
                if found.iter().all(|(other, _)| *other != variable) {
                    found.push((variable, file.clone()));
                }
            }
        }
    }
    found
}

fn is_comment(line: &str) -> bool {
    ["//", "#", "--", "*"].iter().any(|begin| line.trim_start().starts_with(begin))
}

fn quoted(text: &str, what: &str) -> bool {
    ['"', '\'', '`'].iter().any(|quote| text.contains(&format!("{quote}{what}{quote}")))
}

/// `EXPOSE 3001`, `internal_port = 8080`
fn described_port(name: &str, text: &str) -> Option<u16> {
    text.lines().map(str::trim).find_map(|line| {
        if name == "fly.toml" {
            let (key, value) = line.split_once('=')?;
            if key.trim() == "internal_port" { port(value.trim()) } else { None }
        } else {
            let rest = line.strip_prefix("EXPOSE ").or_else(|| line.strip_prefix("expose "))?;
            port(rest.split_whitespace().next()?.split('/').next()?)
        }
    })
}

/// The one port that the lines about listening name; none where there are several.
fn only_port(code: &[(String, String)]) -> Option<(u16, String)> {
    let mut found: Option<(u16, String)> = None;
    for (name, text) in code {
        for line in text.lines().filter(|line| is_about_listening(line)) {
            for number in numbers(line) {
                match &found {
                    Some((port, _)) if *port != number => return None,
                    Some(_) => {}
                    None => found = Some((number, name.clone())),
                }
            }
        }
    }
    found
}

fn is_about_listening(line: &str) -> bool {
    let plain = !is_comment(line);
    let line = line.to_lowercase();
    plain && ["port", "listen", "addr", "bind"].iter().any(|word| line.contains(word))
}

/// Numbers of a line that stand by themselves and may be ports.
fn numbers(line: &str) -> Vec<u16> {
    let part_of_word = |c: char| c.is_ascii_alphanumeric() || "_.".contains(c);
    line.split(|c: char| !part_of_word(c))
        .filter(|word| (4..=5).contains(&word.len()))
        .filter_map(|word| word.parse().ok())
        .filter(|number| *number >= 1024 && !OTHERS.contains(number))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(files: &[(&str, &str)]) -> SourceCode {
        let files: Vec<_> =
            files.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
        SourceCode::read(&files)
    }

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
    fn one_port_is_a_guess_and_two_are_none() {
        let go = (
            "main.go",
            "addr := env(\"PORT\", \":3001\")\nmux.HandleFunc(\"/healthz\", f)\nloadPages(\"views\")",
        );
        let code = read(&[go, ("db.go", "db := connect(\"port=5432\")\nlisten(\":3001\")")]);
        assert_eq!(code.port, Some((3001, "main.go".to_owned())));
        assert_eq!(code.check, Some(("/healthz".to_owned(), "main.go".to_owned())));
        assert!(code.speaks_of("views") && !code.speaks_of("static"));
        assert_eq!(read(&[go, ("x.js", "app.listen(3000)")]).port, None);
        assert_eq!(read(&[("x.js", "app.listen(process.env.PORT || 3000)")]).port.unwrap().0, 3000);
        assert_eq!(read(&[("x.py", "# port 3000\nx = 3000\nport = v3000 + 3.1415")]).port, None);
        let docker = ("Dockerfile", "FROM x\nEXPOSE 8080/tcp\n");
        assert_eq!(read(&[go, docker]).port, Some((8080, "Dockerfile".to_owned())));
        assert_eq!(read(&[("fly.toml", "[http_service]\n  internal_port = 8081\n")]).port.unwrap().0, 8081);
        assert!(read(&[("a.rs", "include!(\"./static/x\")")]).speaks_of("static"));
    }
}
