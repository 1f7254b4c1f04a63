//! What the app's own code, a Dockerfile or a fly.toml let guess: where it listens, and what it is asked.

use super::found_unit::port;
use super::variables::{Data, Listens, Variable, data, listens, variables};

/// Ports that apps talk to, rather than listen on.
const OTHERS: &[u16] = &[2375, 3306, 4222, 5432, 5672, 6379, 9092, 9200, 11211, 15672, 27017];
/// What a health check is called, most usual first.
const CHECKS: &[&str] = &["/healthz", "/health", "/api/health", "/up", "/livez", "/readyz"];

/// So many folders deep lie those that apps read.
const DEEPEST: usize = 5;

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
    /// Further variables that a unit may have to set.
    pub variables: Vec<Variable>,
    /// The file that reads its port from `PORT`.
    pub reads_port: Option<String>,
    /// The variable that says where it listens, and how.
    pub listens: Option<Listens>,
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
        let (read, data) = (variables(&code), data(&code));
        let reads_port = read.iter().find(|it| it.name == "PORT").map(|it| it.file.clone());
        let listens = listens(&code);
        let set = |name: &str| {
            name == "PORT"
                || listens.as_ref().is_some_and(|it| it.name == name)
                || data.iter().any(|(it, _)| it.name() == name)
        };
        let variables = read.into_iter().filter(|it| !set(&it.name)).collect();
        let port = port.or_else(|| only_port(&code));
        SourceCode { port, check, data, variables, reads_port, listens, files: code }
    }

    /// Folders below others that the code names, up to one that is called as one of these: `web/views` of `"web/views/*.html"`.
    pub fn nested(&self, names: &[&str]) -> Vec<String> {
        let mut found: Vec<String> = Vec::new();
        for fragment in self.files.iter().flat_map(|(_, text)| text.split(['"', '\'', '`', '\n'])) {
            let parts: Vec<&str> = fragment.trim_start_matches("./").split('/').take(DEEPEST).collect();
            let Some(last) = parts.iter().position(|part| names.contains(part)).filter(|last| *last > 0)
            else {
                continue;
            };
            let path = parts[..=last].join("/");
            if parts[..last].iter().all(|part| is_plain(part)) && !found.contains(&path) {
                found.push(path);
            }
        }
        found
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

pub fn is_comment(line: &str) -> bool {
    ["//", "#", "--", "*"].iter().any(|begin| line.trim_start().starts_with(begin))
}

/// A folder's name, as far as one is to be believed.
fn is_plain(part: &str) -> bool {
    let fine = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    !part.is_empty() && !part.starts_with("..") && part.chars().all(fine)
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
pub mod tests {
    //! Code in short.

    use super::*;

    /// Reads files: names and texts.
    pub fn read(files: &[(&str, &str)]) -> SourceCode {
        let files: Vec<_> =
            files.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
        SourceCode::read(&files)
    }

    #[test]
    fn folders_below_others() {
        let code = read(&[
            ("main.go", "tmpl.ParseGlob(\"web/views/*.html\")\nhttp.Dir(`./web/static`)\nx(\"/static/css\")"),
            (
                "x.js",
                "get('https://cdn.example/static/x'); join(d, '../up/views'); f('web/views'); g('views')",
            ),
        ]);
        assert_eq!(code.nested(&["views", "static"]), ["web/views", "web/static"]);
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
