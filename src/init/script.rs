//! A deploy written by hand: a shell script, a workflow, a Makefile. Read line by line for what it names: the host, the
//! app's folder, what is copied beside the program, the unit that is restarted.

use std::collections::BTreeMap;

use crate::model::names::{HostName, RootPath, UnitName};

/// What a script says. Only what stands there in so many words, or in a variable that was set to them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Script {
    /// Where it lies.
    pub file: String,
    /// Whom it logs in to.
    pub host: Option<HostName>,
    /// The folder above `current` or `releases`.
    pub root: Option<RootPath>,
    /// What it restarts.
    pub unit: Option<UnitName>,
    /// What of the tree it copies, in its order.
    pub copied: Vec<String>,
    /// What it asks to see whether the app works.
    pub health: Option<String>,
}

impl Script {
    /// Reads one; none where it is no deploy's.
    pub fn read(file: &str, text: &str) -> Option<Self> {
        let mut script = Script { file: file.to_owned(), ..Script::default() };
        let mut variables = BTreeMap::new();
        for line in text.lines().map(str::trim).filter(|line| !line.starts_with('#')) {
            let words = words(line, &variables);
            if let Some((name, value)) = words.first().and_then(|word| word.split_once('='))
                && words.len() == 1
                && !value.contains('$')
            {
                variables.insert(name.to_owned(), value.to_owned());
            }
            script.line(&words);
        }
        let deploys = script.unit.is_some() || script.root.is_some() && script.host.is_some();
        deploys.then_some(script)
    }

    fn line(&mut self, words: &[String]) {
        let after = |program: &str| {
            let at =
                words.iter().position(|word| word == program || word.ends_with(&format!("/{program}")))?;
            Some(&words[at + 1..])
        };
        if let Some(rest) = after("systemctl") {
            let mut plain = rest.iter().filter(|word| !word.starts_with('-'));
            let restarts =
                |verb: &String| ["restart", "reload-or-restart", "try-restart"].contains(&verb.as_str());
            if plain.next().is_some_and(restarts) {
                self.unit = self.unit.take().or_else(|| plain.next().and_then(|name| unit(name)));
            }
        }
        if let Some(rest) = after("ssh") {
            self.host = self.host.take().or_else(|| ssh_host(rest));
        }
        if let Some(rest) = after("scp").or_else(|| after("rsync")) {
            let far = rest.iter().filter_map(|word| word.split_once(':')).map(|(host, _)| host);
            self.host = self.host.take().or_else(|| far.filter_map(host).next());
        }
        for word in words {
            self.root = self.root.take().or_else(|| root(word));
            if self.health.is_none() && is_health(word) && after("curl").or_else(|| after("wget")).is_some() {
                self.health = Some(word.clone());
            }
        }
        let copies = after("cp").filter(|rest| rest.iter().any(|word| is_recursive(word)));
        if let Some(rest) = copies.or_else(|| after("rsync")).or_else(|| after("scp")) {
            let plain: Vec<&String> = rest.iter().filter(|word| !word.starts_with('-')).collect();
            for word in plain.iter().take(plain.len().saturating_sub(1)) {
                let path = word.trim_start_matches("./").trim_end_matches('/').trim_end_matches("/.");
                let ours = !path.is_empty()
                    && !path.starts_with(['/', '~', '.', '$'])
                    && !path.contains(['$', ':', '*']);
                if ours
                    && path != "result"
                    && !path.starts_with("result/")
                    && !self.copied.iter().any(|old| old == path)
                {
                    self.copied.push(path.to_owned());
                }
            }
        }
    }
}

/// The words of a line, as far as they can be told apart without a shell; variables that are known are put in.
fn words(line: &str, variables: &BTreeMap<String, String>) -> Vec<String> {
    line.split(|c: char| c.is_whitespace() || ";|&()<>`\"'".contains(c))
        .filter(|word| !word.is_empty())
        .map(|word| {
            let mut word = word.to_owned();
            for (name, value) in variables.iter().rev() {
                word = word.replace(&format!("${{{name}}}"), value);
                // `$HOST` is no part of `$HOSTNAME`.
                let whole = format!("${name}");
                if let Some(at) = word.find(&whole)
                    && !word[at + whole.len()..].starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
                {
                    word.replace_range(at..at + whole.len(), value);
                }
            }
            word
        })
        .collect()
}

fn unit(name: &str) -> Option<UnitName> {
    let whole = if name.ends_with(".service") { name.to_owned() } else { format!("{name}.service") };
    whole.parse().ok()
}

/// The host behind ssh's options.
fn ssh_host(words: &[String]) -> Option<HostName> {
    let with_value = "BbcDEeFIiJLlmOoPpQRSWw";
    let mut port = None;
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let Some(option) = word.strip_prefix('-') else {
            let host = host(word)?;
            return match port {
                Some(port) if port != "22" => format!("ssh://{host}:{port}").parse().ok(),
                _ => Some(host),
            };
        };
        let takes_next = option.len() == 1 && option.chars().all(|c| with_value.contains(c));
        let value = if takes_next { words.next().cloned() } else { None };
        if option.starts_with('p') {
            port = value.or_else(|| option.strip_prefix('p').map(str::to_owned));
        }
    }
    None
}

/// `user@host` or `host.example`: a word alone could be anything.
fn host(word: &str) -> Option<HostName> {
    let name = word.rsplit_once('@').map_or(word, |(_, name)| name);
    let forge = ["github.com", "gitlab.com", "codeberg.org"].contains(&name);
    let looks_so = word.contains('@') || name.contains('.') && !name.contains('/');
    if !looks_so || forge || word.starts_with('.') { None } else { word.parse().ok() }
}

/// `/var/www/server` of `/var/www/server/current/views` and of `deploy@host:/var/www/server/releases`.
fn root(word: &str) -> Option<RootPath> {
    let path = &word[word.find('/')?..];
    ["/current", "/releases"].iter().find_map(|name| {
        let (root, rest) = path.split_once(name)?;
        if rest.is_empty() || rest.starts_with('/') { root.parse().ok() } else { None }
    })
}

fn is_health(word: &str) -> bool {
    ["http://localhost", "http://127.0.0.1", "http://[::1]"].iter().any(|begin| word.starts_with(begin))
        && crate::config::health_url(word).is_ok()
}

fn is_recursive(word: &str) -> bool {
    word.starts_with('-') && !word.starts_with("--") && word.contains(['r', 'R', 'a'])
        || ["--recursive", "--archive"].contains(&word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_that_runs_on_the_server() {
        let text = "#!/usr/bin/env bash\nset -e\nSHA=\"$1\"\nRELEASES_DIR=\"/srv/www/app/releases\"\n\
                    CURRENT_DIR=\"/srv/www/app/current\"\nRELEASE_DIR=\"$RELEASES_DIR/$SHA\"\ncd \"$RELEASE_DIR\"\n\
                    rm -rf \"$CURRENT_DIR\"\nmkdir -p $CURRENT_DIR/views\nif [ -d \"views\" ]; then\n\
                    cp -r views $CURRENT_DIR/views\nfi\nnix build .\ncp -r result $CURRENT_DIR/result\n\
                    sudo systemctl restart server\ncurl -f http://localhost:3001/healthz || exit 1\n";
        let script = Script::read("deploy.sh", text).unwrap();
        assert_eq!(script.unit.unwrap().as_str(), "server.service");
        assert_eq!(script.root.unwrap().as_str(), "/srv/www/app");
        assert_eq!(script.copied, ["views"]);
        assert_eq!(script.health.as_deref(), Some("http://localhost:3001/healthz"));
        assert_eq!(script.host, None);
    }

    #[test]
    fn a_workflow_that_logs_in() {
        let text = "steps:\n  - run: git clone git@github.com:a/b.git\n  - run: |\n      HOST=deploy@web.example\n\
                    \x20     rsync -a views/ static $HOST:/srv/app/releases/${GITHUB_SHA}/\n\
                    \x20     ssh -p 2222 -i key $HOST 'sudo systemctl restart app.service'\n";
        let script = Script::read(".github/workflows/deploy.yml", text).unwrap();
        assert_eq!(script.host.unwrap().as_str(), "deploy@web.example");
        assert_eq!(script.root.unwrap().as_str(), "/srv/app");
        assert_eq!(script.unit.unwrap().as_str(), "app.service");
        assert_eq!(script.copied, ["views", "static"]);
        let script = Script::read("a", "ssh -p2222 root@10.0.0.1 systemctl restart a\n").unwrap();
        assert_eq!(script.host.unwrap().as_str(), "ssh://root@10.0.0.1:2222");
    }

    #[test]
    fn what_is_no_deploy_says_nothing() {
        for text in [
            "make\n",
            "cp -r a b\n",
            "ssh a@b ls\n",
            "# systemctl restart x\n",
            "systemctl status x",
            "$HOST",
        ] {
            assert_eq!(Script::read("x.sh", text), None, "{text}");
        }
        // What only a shell or a person knows is not made up.
        let script =
            Script::read("x.sh", "ssh $HOST systemctl restart $UNIT app\nsystemctl restart app\n").unwrap();
        assert_eq!((script.host, script.unit.unwrap().as_str()), (None, "app.service"));
        let script = Script::read("x.sh", "HOST=a@b.c\nssh $HOSTNAME systemctl restart x").unwrap();
        assert_eq!(script.host, None);
    }
}
