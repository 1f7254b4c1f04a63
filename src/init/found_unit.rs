//! A systemd unit file of the tree, as far as it says where an app lies and how it is asked.

use crate::model::names::{RootPath, UnitName};

/// What a unit says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundUnit {
    /// Where it lies, from the folder.
    pub file: String,
    /// Its name.
    pub unit: UnitName,
    /// The folder above `current`, and which line says so.
    pub root: Option<(RootPath, &'static str)>,
    /// The program below `result/bin`.
    pub program: Option<String>,
    /// Where it listens, and what says so.
    pub port: Option<(u16, String)>,
}

impl FoundUnit {
    /// Reads one; none for a template, which is no unit by itself, and for what is no service.
    pub fn read(file: &str, text: &str) -> Option<Self> {
        let name = file.rsplit('/').next()?;
        let unit: UnitName = name.parse().ok().filter(|_| !name.contains('@'))?;
        let keys = service(text);
        let all = |name: &'static str| {
            keys.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
        };
        let last = |name: &'static str| all(name).next_back().filter(|value| !value.is_empty());
        let start = last("ExecStart")?.trim_start_matches(['-', '@', ':', '+', '!']);
        let words = shlex::split(start).unwrap_or_default();
        let program = words.first().map(String::as_str).unwrap_or_default();
        let root = [(last("WorkingDirectory"), "WorkingDirectory"), (Some(program), "ExecStart")]
            .into_iter()
            .find_map(|(value, line)| Some((root_of(value?)?, line)));
        let environment = all("Environment").flat_map(|value| shlex::split(value).unwrap_or_default());
        let port = environment
            .filter_map(|pair| pair.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned())))
            .find_map(|(name, value)| Some((port_variable(&name, &value)?, name)))
            .or_else(|| port_option(&words).map(|port| (port, "ExecStart".to_owned())));
        Some(FoundUnit {
            file: file.to_owned(),
            unit,
            root,
            program: program.split_once("/result/bin/").map(|(_, name)| name.to_owned()),
            port,
        })
    }

    /// It runs something below a `current`.
    pub fn is_deployed(&self) -> bool {
        self.root.is_some()
    }
}

/// The folder above `current`.
fn root_of(path: &str) -> Option<RootPath> {
    let path = path.trim_start_matches(['-', '~']);
    let (root, rest) = path.split_once("/current")?;
    if rest.is_empty() || rest.starts_with('/') { root.parse().ok() } else { None }
}

/// The keys of `[Service]`, with continued lines put together.
fn service(text: &str) -> Vec<(String, String)> {
    let mut keys = Vec::new();
    let mut section = "";
    let mut before = String::new();
    for line in text.lines().map(str::trim) {
        if line.starts_with(['#', ';']) {
            continue;
        }
        if let Some(begin) = line.strip_suffix('\\') {
            before = before + begin + " ";
            continue;
        }
        let line = std::mem::take(&mut before) + line;
        if let Some(name) = line.strip_prefix('[') {
            section = if name.starts_with("Service]") { "Service" } else { "" };
        } else if let (Some((key, value)), "Service") = (line.split_once('='), section) {
            keys.push((key.trim().to_owned(), value.trim().to_owned()));
        }
    }
    keys
}

fn port_variable(name: &str, value: &str) -> Option<u16> {
    if is_port(name) { port(value) } else { None }
}

/// A variable that says where the app listens: `SERVER_PORT`, `LISTEN_ADDR`; not `DATABASE_PORT`.
pub fn is_port(name: &str) -> bool {
    let name = name.to_uppercase();
    let others = ["DB", "DATABASE", "SMTP", "REDIS", "POSTGRES", "PG", "MYSQL", "METRICS", "MAIL"];
    let parts: Vec<&str> = name.split('_').collect();
    let ours = ["PORT", "ADDR", "ADDRESS", "LISTEN", "BIND"].iter().any(|part| parts.contains(part));
    ours && !others.iter().any(|part| parts.contains(part))
}

/// `--port 3001`, `-p 3001`, `--listen=127.0.0.1:3001`
fn port_option(words: &[String]) -> Option<u16> {
    let options = ["--port", "-p", "-port", "--listen", "-listen", "--addr", "-addr", "--bind", "-b"];
    words.iter().enumerate().find_map(|(at, word)| {
        let (option, value) = match word.split_once('=') {
            Some((option, value)) => (option, value),
            None => (word.as_str(), words.get(at + 1)?.as_str()),
        };
        if options.contains(&option) { port(value) } else { None }
    })
}

/// A port alone, or behind the last colon.
pub(super) fn port(text: &str) -> Option<u16> {
    let number = text.rsplit_once(':').map_or(text, |(_, number)| number);
    let number = number.trim_end_matches('/');
    if !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    number.parse().ok().filter(|port| *port > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_unit_of_a_hand_written_deploy() {
        let text = "[Unit]\nDescription=x Server\nUser=nobody\n[Service]\nUser=igris\n\
                    WorkingDirectory=/srv/x/current\nExecStart=/srv/x/current/result/bin/server\n\
                    Environment=\"X_DB_PATH=/srv/x/data/x.db\" \"DB_PORT=5432\"\nEnvironment=\"X_PORT=:3001\"\n\
                    Restart=always\n[Install]\nWantedBy=multi-user.target\n";
        let unit = FoundUnit::read("ops/x.service", text).unwrap();
        assert_eq!(unit.unit.as_str(), "x.service");
        assert_eq!(unit.root, Some(("/srv/x".parse().unwrap(), "WorkingDirectory")));
        assert_eq!(unit.program.as_deref(), Some("server"));
        assert_eq!(unit.port, Some((3001, "X_PORT".to_owned())));
    }

    #[test]
    fn other_ways_to_write_it() {
        let read = |text: &str| FoundUnit::read("a.service", &format!("[Service]\n{text}\n"));
        let unit = read("ExecStart=/a/b/current/result/bin/x --listen=127.0.0.1:80 \\\n  -v").unwrap();
        assert_eq!((unit.root.unwrap().0.as_str(), unit.port.unwrap().0), ("/a/b", 80));
        let unit = read("# ExecStart=/no\nExecStart=-/usr/bin/node server.js -p 3000").unwrap();
        assert_eq!((unit.root, unit.port.unwrap().0), (None, 3000));
        let unit = read("ExecStart=/a/currently/x\nWorkingDirectory=/current").unwrap();
        assert_eq!((unit.root, unit.port), (None, None));
        assert_eq!(read("User=a"), None);
        assert_eq!(FoundUnit::read("web@.service", "[Service]\nExecStart=/x"), None);
    }
}
