//! The end of a try in words: what failed, the log lines of this start, what is live now, what to type.

use super::{Live, program};
use crate::deploy::run::Run;
use crate::deploy::server::mend;
use crate::deploy::talk::Story;
use crate::deploy::target::Target;
use crate::model::failure::{Failure, Kind};
use crate::model::hold::Hold;
use crate::model::names::{DeployNumber, ReleaseId, short_release};
use crate::model::server::{Control, ServerState};
use crate::tools::signals::Wish;
use crate::tools::ssh::{Connection, SshError};

/// Everything that the sentences at the end are made of.
pub struct Report<'a> {
    /// The command.
    pub run: &'a Run<'a>,
    /// The server before it.
    pub state: &'a ServerState,
    /// What was to be live.
    pub target: &'a Target,
    /// What was learnt on the way.
    pub story: Story,
}

impl Report<'_> {
    /// It is live. `number`: from the journal, where the conversation broke before it was told.
    pub fn live(&self, number: Option<DeployNumber>) -> Live {
        let settings = self.run.settings;
        let checked = match (&settings.health.http, &self.story.answer) {
            (Some(http), Some(answer)) => format!("{} answers with {answer}", http.url),
            (Some(http), None) => format!("{} answers", http.url),
            (None, _) => {
                format!("{} stayed up for {:.1} s", settings.unit, settings.health.settle.as_secs_f32())
            }
        };
        let deploy = number.or(self.story.number).unwrap_or(DeployNumber(0));
        Live { deploy, previous: self.previous(), checked, held: self.story.holds.clone() }
    }

    /// The conversation did not begin, and without its `go` nothing is switched.
    pub fn not_begun(&self, error: SshError) -> Failure {
        let error = anyhow::Error::new(error).context("the switch could not be begun; nothing was changed");
        Failure::new(Kind::ContactLost, error).live(self.untouched()).hint(self.again())
    }

    /// The user wished to stop before the switch.
    pub fn gave_up(&self, wish: Wish) -> Failure {
        let what = if self.story.hook_began {
            "the hook had begun and was stopped; nothing else"
        } else {
            "nothing"
        };
        Failure::msg(wish.kind(), format!("{} before the switch; {what} was changed", wish.reason()))
            .live(self.untouched())
    }

    /// The server refused before the switch.
    pub fn refused(&self, kind: &str, text: &str) -> Failure {
        let settings = self.run.settings;
        let host = &settings.host;
        let refused = |kind| Failure::msg(kind, format!("{host} refused the switch: {text}"));
        let failure = match kind {
            "copy" => refused(Kind::Copy).hint(self.again()),
            // Nobody here gave up: a part of the connection or of the server half ended.
            "given-up" => return self.lost_before_the_switch(),
            _ => refused(Kind::NotReady).hint(format!(
                "look at the server: {}",
                settings.ssh(&format!("'ls -la {0}; df -h {0}; df -i {0}'", settings.root))
            )),
        };
        failure.live(self.untouched())
    }

    /// A person held deploys while this one was on its way.
    pub fn held(&self, holds: &[Hold]) -> Failure {
        let failure = self.run.held(holds, self.state);
        let hook = if self.story.hook_began { "; the hook had run" } else { "" };
        failure.live(format!("{}{hook}", self.untouched()))
    }

    /// The hook failed; nothing was switched.
    pub fn hook_failed(&self, text: &str, lines: Vec<String>) -> Failure {
        let settings = self.run.settings;
        let command = settings.hooks.before_switch.join(" ");
        let reason = match text.rsplit(' ').next() {
            Some("137") if self.story.hook_took < settings.hooks.timeout => {
                "it was killed, not by shipit (is there too little memory?)".to_owned()
            }
            Some("137") => {
                format!("it was not done within {} s and was killed", settings.hooks.timeout.as_secs())
            }
            _ => text.to_owned(),
        };
        let release = self.target.release.short();
        Failure::msg(Kind::NotLive, format!("{release} did not go live: hook `{command}`: {reason}"))
            .detail("the hook's last lines", lines)
            .live(self.untouched())
            .hint(format!(
                "its whole output: {}",
                settings.ssh(&format!("cat {}/.shipit/hook.log", settings.root))
            ))
    }

    /// It was switched, and is not live now. `word`: how the server calls the outcome.
    pub async fn back(&self, word: &str, reason: &str, connection: Option<&Connection>) -> Failure {
        let settings = self.run.settings;
        let (host, unit, release) = (&settings.host, &settings.unit, self.target.release.short());
        let kind = match (word, self.story.wish) {
            ("broken" | "stuck" | "unmoved", _) => Kind::NotRestored,
            ("unknown", _) => Kind::ContactLost,
            (_, Some(wish)) if self.story.gave_up => wish.kind(),
            _ => Kind::NotLive,
        };
        // A user who stops it is told what became of it; nothing is wrong with the release.
        let stopped = self.story.gave_up && !matches!(kind, Kind::NotRestored | Kind::NotLive);
        // On the way forward what runs was left alone, and on the way back it could not be.
        let refused = self.story.stuck.as_deref().or(reason.contains("systemd refused").then_some(reason));
        let what = match (self.target.is_restart(), stopped) {
            (true, _) if refused.is_some() => format!("{unit} was not restarted"),
            (true, true) => format!("{unit} was being restarted, and was not checked to its end"),
            (true, false) => format!("{release} was restarted, and is not healthy"),
            (false, true) => format!("{release} was switched to, and taken back"),
            (false, false) => format!("{release} did not go live"),
        };
        let mut failure = Failure::msg(kind, format!("{what}: {reason}"));
        if let (Some(invocation), Some(connection), false) = (&self.story.invocation, connection, stopped) {
            failure = self.with_log(failure, connection, invocation).await;
        }
        if let Some(said) = refused {
            failure = failure.hint(mend::restart(settings, self.state, said));
        }
        let place = (&settings.root, unit);
        let program = program::hint(reason, &self.state.unit.exec_start, place, &self.target.store_path);
        failure.hints.extend(program);
        if self.target.is_restart() {
            return self.not_kept(failure);
        }
        let more = if stopped {
            self.again()
        } else {
            format!("more of its log: {}", self.run.command(&format!("logs --release {release} -n 100")))
        };
        match (word, self.previous().as_deref().map(short_release)) {
            ("stuck", name) => {
                let back = name.map_or("`current` was taken away".to_owned(), |name| {
                    format!("`current` is {name} again")
                });
                let said = self.story.stuck.as_deref().map(|said| format!(": {said}")).unwrap_or_default();
                failure
                    .live(format!("{back}, but {unit} was not restarted and still runs {release}{said}"))
                    .hint(self.look("systemctl", &format!("status {unit}")))
            }
            ("unmoved", name) => failure
                .live(format!("`current` could not be moved back: {unit} still runs {release}"))
                .hint(format!(
                    "look why: {}",
                    settings.ssh(&format!(
                        "'ls -lad {0} {0}/current; touch {0}/.shipit; df -h {0}; df -i {0}'",
                        settings.root
                    ))
                ))
                .hint(format!(
                    "then {}: {}",
                    name.map_or("take it out of service".to_owned(), |name| format!("go back to {name}")),
                    self.run.command("rollback")
                )),
            ("broken" | "down", Some(name)) => failure
                .live(format!(
                    "{name} was put back, but {unit} does not come up with it {}",
                    if word == "down" { "now, as before this deploy" } else { "either" }
                ))
                .hint(self.look("systemctl", &format!("status {unit}")))
                .hint(format!(
                    "another release: {}, then {}",
                    self.run.command("releases"),
                    self.run.command("rollback RELEASE")
                )),
            ("superseded", _) => failure
                .live("somebody else moved `current` meanwhile; theirs was left alone")
                .hint(self.run.command("status")),
            ("unknown", _) => failure
                .live(format!(
                    "{host} is going down; what ran before is put back by the next deploy or rollback after it is up"
                ))
                .hint(self.run.command("status")),
            (_, Some(name)) if self.state.unit.active == "inactive" => failure
                .live(format!("{name} was put back and runs; {unit} was stopped before this"))
                .hint(format!(
                    "to stop it again: {}",
                    mend::by_hand(settings, self.state, &[&format!("stop {unit}")])
                ))
                .hint(more),
            (_, Some(name)) if self.state.unit.active != "active" => failure
                .live(format!("{name} was put back and runs; {unit} was {} before this", self.state.unit.active))
                .hint(more),
            (_, Some(name)) => failure.live(format!("{name} runs again")).hint(more),
            (_, None) => failure.live("nothing is live, as before").hint(more),
        }
    }

    /// A restart that was not found healthy: what is live all the same.
    fn not_kept(&self, failure: Failure) -> Failure {
        let name = &self.run.settings.unit;
        let seen = self.story.unit.as_ref().map(|unit| format!("; {name} was last seen {unit}"));
        failure
            .live(format!(
                "`current` is {} as before{}",
                self.target.release.short(),
                seen.unwrap_or_default()
            ))
            .hint(format!("how it is now: {}", self.run.command("status")))
            .hint(format!("the release before it: {}", self.run.command("rollback")))
    }

    pub(super) fn lost_before_the_switch(&self) -> Failure {
        let what = if self.story.hook_began { "the hook had begun; nothing else" } else { "nothing" };
        let host = &self.run.settings.host;
        Failure::msg(
            self.story.wish.map_or(Kind::NotLive, Wish::kind),
            format!("contact with {host} was lost before the switch; {what} was changed"),
        )
        .live(self.untouched())
        .hint(self.again())
    }

    /// A command that shows something of the unit, to be typed here.
    pub(super) fn look(&self, program: &str, words: &str) -> String {
        let whose = if matches!(self.state.control, Control::User { .. }) { " --user" } else { "" };
        self.run.settings.ssh(&format!("{program}{whose} {words}"))
    }

    pub(super) fn previous(&self) -> Option<String> {
        let adopted = self.story.adopted.as_ref().map(ReleaseId::as_str);
        adopted.or_else(|| self.state.current.name()).map(str::to_owned)
    }

    pub(super) fn untouched(&self) -> String {
        match &self.story.adopted {
            Some(adopted) => format!("{} runs as before", adopted.short()),
            None => self.state.as_before(),
        }
    }

    pub(super) fn again(&self) -> String {
        format!("run it again: {}", self.run.command(self.target.command))
    }
}
