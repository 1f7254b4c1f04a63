//! Making a release live: one try of the transaction, and its end in words. Deploy and rollback both.

use std::time::Duration;

use super::outcome::{self, Told};
use super::plan;
use super::switch::{self, Conversed, Limits, Story};
use super::words::{self, Actor, Target};
use crate::model::event::{Event, Events};
use crate::model::failure::{Failed, Failure, Kind, Outcome};
use crate::model::journal::What;
use crate::model::names::{DeployNumber, Invocation};
use crate::model::server::{Control, Current, ServerState};
use crate::model::settings::Settings;
use crate::remote::{self, Script};
use crate::tools::signals::{Interrupts, Wish};
use crate::tools::ssh::{Connection, Options};
use crate::tools::token;

/// How long the lock is waited for without `--wait`: the end of somebody's prune, not their deploy.
const LOCK_WAIT: Duration = Duration::from_secs(2);
/// How many of the unit's log lines a failure shows.
const LOG_LINES: u32 = 20;

/// What is the same for every step of one command.
pub struct Run<'a> {
    /// The environment's settings.
    pub settings: &'a Settings,
    /// How to connect, again too.
    pub options: Options,
    /// Who does it.
    pub actor: Actor,
    /// Who listens.
    pub events: Events,
    /// `--wait`.
    pub lock_wait: Option<Duration>,
}

/// A release that went live.
#[derive(Debug)]
pub struct Live {
    /// As which attempt.
    pub deploy: DeployNumber,
    /// What was live before.
    pub previous: Option<String>,
    /// What was checked, in words.
    pub checked: String,
}

/// The end of one try.
#[derive(Debug)]
pub enum Try {
    /// It is live.
    Live(Live),
    /// The server changed since it was looked at: look again.
    Moved,
}

/// Tries once.
///
/// # Errors
/// Everything that is not "live": the failure says what is live now.
pub async fn attempt(
    run: &Run<'_>,
    connection: &Connection,
    state: &ServerState,
    target: &Target,
    interrupts: &mut Interrupts,
) -> Outcome<Try> {
    let settings = run.settings;
    let token = token::random().failed(Kind::Bug, "no random name for this deploy")?;
    let lock = run.lock_wait.unwrap_or(LOCK_WAIT);
    let prune = plan::prune(run, state, &target.release);
    let words = words::switch(settings, state, target, &run.actor, &token, lock, &prune);
    let talk = connection
        .talk(Script::Switch, &words)
        .await
        .failed(Kind::ContactLost, "the switch could not be begun; nothing was changed")?;
    let limits = Limits { stop: words::patience(state), lock };
    let (end, story) = switch::converse(talk, settings, target, limits, &run.events, interrupts).await;
    let report = Report { run, state, target, story };
    match end {
        Conversed::Kept => Ok(Try::Live(report.live(None))),
        Conversed::Moved => Ok(Try::Moved),
        Conversed::Busy(holder) => Err(busy(run, &holder)),
        Conversed::GivenUp(wish) => Err(report.gave_up(wish)),
        Conversed::Refused(kind, text) => Err(report.refused(&kind, &text)),
        Conversed::HookFailed(text, lines) => Err(report.hook_failed(&text, lines)),
        Conversed::Back(word, reason) => Err(report.back(&word, &reason, Some(connection)).await),
        Conversed::Lost => report.lost(&token, interrupts).await.map(Try::Live),
    }
}

/// Somebody else is at it.
pub fn busy(run: &Run<'_>, holder: &str) -> Failure {
    let wait = format!("wait for it: shipit{} … --wait 5m", environment(run.settings));
    Failure::msg(Kind::Busy, format!("{} is busy: {holder}", run.settings.host))
        .live("what runs was not touched")
        .hint(wait)
        .hint(format!("see what it does: shipit{} status", environment(run.settings)))
}

/// ` -e NAME` for a hint, where it is needed.
pub fn environment(settings: &Settings) -> String {
    match settings.environment.as_str() {
        "production" => String::new(),
        other => format!(" -e {other}"),
    }
}

/// What a release is called on the screen.
pub fn short(name: &str) -> &str {
    if name.len() == 40 && name.bytes().all(|byte| byte.is_ascii_hexdigit()) { &name[..7] } else { name }
}

/// Everything that the sentences at the end are made of.
struct Report<'a> {
    run: &'a Run<'a>,
    state: &'a ServerState,
    target: &'a Target,
    story: Story,
}

impl Report<'_> {
    fn previous(&self) -> Option<String> {
        match (&self.state.current, &self.story.adopted) {
            (_, Some(adopted)) => Some(adopted.to_string()),
            (Current::Release(release), None) => Some(release.to_string()),
            (Current::Elsewhere(text), None) => Some(text.clone()),
            _ => None,
        }
    }

    fn live(&self, number: Option<DeployNumber>) -> Live {
        let settings = self.run.settings;
        let checked = match (&settings.health.http, &self.story.answer) {
            (Some(http), Some(answer)) => format!("{} answers with {answer}", http.url),
            (Some(http), None) => format!("{} answers", http.url),
            (None, _) => {
                format!("{} stayed up for {:.1} s", settings.unit, settings.health.settle.as_secs_f32())
            }
        };
        let deploy = number.or(self.story.number).unwrap_or(DeployNumber(0));
        Live { deploy, previous: self.previous(), checked }
    }

    /// "Nothing was touched" or "x runs", for before the switch.
    fn untouched(&self) -> String {
        match self.previous() {
            Some(name) => format!("{} runs as before", short(&name)),
            None => "nothing is live, as before".to_owned(),
        }
    }

    fn gave_up(&self, wish: Wish) -> Failure {
        Failure::msg(wish.kind(), format!("{} before the switch; nothing was changed", wish.reason()))
            .live(self.untouched())
    }

    fn refused(&self, kind: &str, text: &str) -> Failure {
        let settings = self.run.settings;
        let (kind, hint) = match kind {
            "copy" => {
                (Kind::Copy, format!("run it again: shipit{} {}", environment(settings), self.target.command))
            }
            "given-up" => (
                Kind::ContactLost,
                format!("run it again: shipit{} {}", environment(settings), self.target.command),
            ),
            _ => (
                Kind::NotReady,
                format!("look at the server: ssh {} ls -la {}", settings.host, settings.root),
            ),
        };
        Failure::msg(kind, format!("{} refused the switch: {text}", settings.host))
            .live(self.untouched())
            .hint(hint)
    }

    fn hook_failed(&self, text: &str, lines: Vec<String>) -> Failure {
        let command = self.run.settings.hooks.before_switch.join(" ");
        let reason = match text.rsplit(' ').next() {
            Some("137") => format!(
                "it was not done within {} s and was killed",
                self.run.settings.hooks.timeout.as_secs()
            ),
            _ => text.to_owned(),
        };
        Failure::msg(
            Kind::NotLive,
            format!("{} did not go live: hook `{command}`: {reason}", self.target.release.short()),
        )
        .detail("the hook's last lines", lines)
        .live(self.untouched())
        .hint(format!(
            "its whole output: ssh {} cat {}/.shipit/hook.log",
            self.run.settings.host, self.run.settings.root
        ))
    }

    /// It was switched, and is not live now.
    async fn back(&self, word: &str, reason: &str, connection: Option<&Connection>) -> Failure {
        let settings = self.run.settings;
        let (host, unit, release) = (&settings.host, &settings.unit, self.target.release.short());
        let kind = match (word, self.story.wish) {
            ("broken", _) => Kind::NotRestored,
            ("unknown", _) => Kind::ContactLost,
            (_, Some(wish)) => wish.kind(),
            _ => Kind::NotLive,
        };
        let previous = self.previous();
        let name = previous.as_deref().map(short);
        let mut failure = Failure::msg(kind, format!("{release} did not go live: {reason}"));
        if let (Some(invocation), Some(connection)) = (&self.story.invocation, connection) {
            failure = self.with_log(failure, connection, invocation).await;
        }
        match (word, name) {
            ("broken", Some(name)) => failure
                .live(format!("{name} was put back, but {unit} does not come up with it either"))
                .hint(format!("ssh {host} systemctl status {unit}"))
                .hint(format!("another release: shipit{env} releases, then shipit{env} rollback RELEASE", env = environment(settings))),
            ("down", Some(name)) => failure
                .live(format!("{name} was put back, but {unit} does not come up with it, as before this deploy"))
                .hint(format!("ssh {host} systemctl status {unit}"))
                .hint(format!("another release: shipit{env} releases, then shipit{env} rollback RELEASE", env = environment(settings))),
            ("superseded", _) => failure
                .live("somebody else moved `current` meanwhile; theirs was left alone")
                .hint(format!("shipit{} status", environment(settings))),
            ("unknown", _) => failure
                .live(format!("{host} is going down; what ran before is put back by the next shipit command after it is up"))
                .hint(format!("shipit{} status", environment(settings))),
            (_, Some(name)) => failure
                .live(format!("{name} runs again"))
                .hint(format!("more of its log: ssh {host} journalctl -u {unit} -n 100")),
            (_, None) => failure
                .live("nothing is live: this was the first deploy")
                .hint(format!("more of its log: ssh {host} journalctl -u {unit} -n 100")),
        }
    }

    async fn with_log(&self, failure: Failure, connection: &Connection, invocation: &Invocation) -> Failure {
        let (settings, user) = (self.run.settings, &self.state.user);
        if !self.state.may_read_journal {
            return failure.hint(format!(
                "to see its log lines here: on {}, as root: usermod -aG systemd-journal {user}",
                settings.host
            ));
        }
        let control = if matches!(self.state.control, Control::User { .. }) { "user" } else { "system" };
        let words = [invocation.to_string(), LOG_LINES.to_string(), control.to_owned()];
        let said =
            connection.ask(Script::Logs, &words, b"", Duration::from_secs(30)).await.unwrap_or_default();
        let lines = said.iter().filter_map(|line| remote::parse(line)).find(|(word, _)| *word == "lines");
        let lines = lines.map(|(_, rest)| remote::unpacked(rest)).unwrap_or_default();
        failure.detail(format!("the last lines of {} (this start)", settings.unit), lines)
    }

    /// The connection broke. Nothing is concluded from that: the server is asked.
    async fn lost(self, token: &str, interrupts: &mut Interrupts) -> Outcome<Live> {
        let settings = self.run.settings;
        let seen = self.story.wish.map_or(0, |wish| wish.times);
        if seen > 1 {
            return Err(self.impatient());
        }
        self.run.events.tell(Event::ContactLost { within: outcome::within(self.state) });
        let (told, connection) = tokio::select! {
            told = outcome::ask(&self.run.options, settings, self.state, token) => told,
            wish = interrupts.more_than(seen) => {
                return Err(Report { story: Story { wish: Some(wish), ..self.story }, ..self }.impatient());
            }
        };
        let ended = match told {
            Told::Ended(entry) if entry.event == What::Kept => Ok(self.live(Some(entry.deploy))),
            Told::Ended(entry) => {
                let reason = entry.reason.as_deref().unwrap_or("contact with it was lost");
                let word = match entry.event {
                    What::Failed if reason.contains("did not come up") => "broken",
                    What::Failed if reason.contains("somebody else moved current") => "superseded",
                    What::Reverted | What::Interrupted if reason.contains("does not come up, as before") => "down",
                    _ => "reverted",
                };
                Err(self.back(word, reason, connection.as_ref()).await)
            }
            Told::NothingChanged => Err(Failure::msg(
                self.story.wish.map_or(Kind::NotLive, Wish::kind),
                format!("contact with {} was lost before the switch; nothing was changed", settings.host),
            )
            .live(self.untouched())
            .hint(format!(
                "run it again: shipit{} {}",
                environment(settings),
                self.target.command
            ))),
            Told::NotInTime => Err(Failure::msg(
                Kind::ContactLost,
                format!("contact with {} was lost, and it could not be reached again in time", settings.host),
            )
            .live(self.by_itself())
            .hint(format!("shipit{} status", environment(settings)))),
        };
        if let Some(connection) = connection {
            connection.close().await;
        }
        ended
    }

    fn by_itself(&self) -> String {
        let seconds = words::deadline(self.state).as_secs();
        match self.previous() {
            Some(name) => format!(
                "unless it was kept already, the server goes back to {} by itself within {seconds} s",
                short(&name)
            ),
            None => format!(
                "unless it was kept already, the server takes it out of service by itself within {seconds} s"
            ),
        }
    }

    fn impatient(&self) -> Failure {
        let kind = self.story.wish.map_or(Kind::Interrupted, Wish::kind);
        Failure::msg(kind, "interrupted without waiting for the server's answer")
            .live(self.by_itself())
            .hint(format!("shipit{} status", environment(self.run.settings)))
    }
}
