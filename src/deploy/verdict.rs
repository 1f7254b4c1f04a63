//! Is it healthy? A pure machine: lines of the server's watchers and the time go in, a decision comes out.
//!
//! A dead process ends the wait at once; only a release that is alive and says nothing uses up its time.

use std::time::{Duration, Instant};

use crate::model::names::Invocation;
use crate::model::settings::Health;

/// How long after a restart that failed the unit's watcher may take to tell of the start that did.
const TELLS: Duration = Duration::from_secs(1);

/// What to do now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Not known yet.
    Wait,
    /// This start of the unit is healthy.
    Keep(Invocation),
    /// It is not going to work, because of this.
    Back(String),
}

/// What the unit's watcher says in one line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UnitLine {
    active: String,
    sub: String,
    invocation: Option<Invocation>,
    result: String,
    status: String,
    process: String,
    job: bool,
}

impl UnitLine {
    /// Reads `ActiveState=active SubState=running …`.
    pub fn parse(text: &str) -> Self {
        let mut line = UnitLine::default();
        for (name, value) in text.split_whitespace().filter_map(|word| word.split_once('=')) {
            match name {
                "ActiveState" => line.active = value.to_owned(),
                "SubState" => line.sub = value.to_owned(),
                "InvocationID" => line.invocation = value.parse().ok(),
                "Result" => line.result = value.to_owned(),
                "ExecMainStatus" => line.status = value.to_owned(),
                "ExecMainPID" if value != "0" => line.process = value.to_owned(),
                "Job" => line.job = !value.is_empty() && value != "0",
                _ => {}
            }
        }
        line
    }

    fn is_dead(&self) -> bool {
        matches!(self.active.as_str(), "failed" | "inactive" | "deactivating") || self.sub == "auto-restart"
    }

    /// How it died: `exit-code, status 1`.
    fn end(&self) -> String {
        match (self.result.as_str(), self.status.as_str()) {
            ("exit-code", "" | "0") => "ExecStartPre= or ExecStartPost= failed".to_owned(),
            ("" | "success", "" | "0") => "it ended by itself".to_owned(),
            ("" | "success" | "exit-code", status) => match systemd_s(status) {
                Some(meaning) => format!("systemd could not {meaning} (status {status})"),
                None => format!("it ended with status {status}"),
            },
            (result, _) => format!("systemd says {result}"),
        }
    }
}

/// Follows one start of the unit.
#[derive(Debug)]
pub struct Verdict {
    health: Health,
    /// The start that ran before the switch.
    before: Option<Invocation>,
    /// How long the old process may take to stop, before the new one begins.
    stop_limit: Duration,
    switched: Instant,
    /// The first start after the switch, and when it was first seen.
    start: Option<(Invocation, Instant)>,
    active_since: Option<Instant>,
    last: UnitLine,
    process: Option<String>,
    answer: Option<String>,
    answered: bool,
    refused: Option<(String, Instant)>,
}

impl Verdict {
    /// Begins at the switch.
    pub fn new(health: Health, before: Option<Invocation>, stop_limit: Duration, now: Instant) -> Self {
        Verdict {
            health,
            before,
            stop_limit,
            switched: now,
            start: None,
            active_since: None,
            last: UnitLine::default(),
            process: None,
            answer: None,
            answered: false,
            refused: None,
        }
    }

    /// The start that is being watched.
    pub fn invocation(&self) -> Option<&Invocation> {
        self.start.as_ref().map(|(invocation, _)| invocation)
    }

    /// The main process of that start, while it was seen.
    pub fn process(&self) -> Option<&str> {
        self.process.as_deref()
    }

    /// The last answer to the health check, in words.
    pub fn answer(&self) -> Option<&str> {
        self.answer.as_deref()
    }

    /// Whether the last answer was a healthy one.
    pub fn is_answered(&self) -> bool {
        self.answered
    }

    /// systemctl's restart did not end well. Either it was refused, or it was done and the start failed: then the
    /// unit's own state says why, and better.
    pub fn refused(&mut self, text: &str, now: Instant) {
        self.refused = Some((text.to_owned(), now));
    }

    /// The unit's watcher said a line.
    pub fn unit(&mut self, line: UnitLine, now: Instant) -> Decision {
        if let Some(invocation) =
            line.invocation.clone().filter(|invocation| Some(invocation) != self.before.as_ref())
        {
            match &self.start {
                None => self.start = Some((invocation, now)),
                Some((first, _)) if *first != invocation => {
                    // Its end may have been too short to be seen.
                    let how =
                        if self.last.is_dead() { format!(": {}", self.last.end()) } else { String::new() };
                    return Decision::Back(format!("it ended and was started again by systemd{how}"));
                }
                Some(_) => {}
            }
        }
        let ours = self.start.is_some() && line.invocation.as_ref() == self.invocation();
        self.active_since = match (ours && line.active == "active", self.active_since) {
            (true, None) => Some(now),
            (true, since) => since,
            (false, _) => None,
        };
        if ours && !line.process.is_empty() {
            self.process = Some(line.process.clone());
        }
        let dead = line.is_dead();
        self.last = line;
        if self.start.is_some() && dead && !self.last.job {
            return Decision::Back(self.last.end());
        }
        self.at(now)
    }

    /// The health check's watcher said a line: which start was asked, and what came back.
    pub fn health(&mut self, invocation: &str, answer: &str, now: Instant) -> Decision {
        if self.invocation().is_some_and(|ours| ours.as_str() == invocation) {
            let status =
                answer.rsplit(' ').next().and_then(|word| word.parse().ok()).filter(|status| *status >= 100);
            self.answered = status
                .is_some_and(|status| self.health.http.as_ref().is_some_and(|http| http.accepts(status)));
            self.answer = Some(match status {
                Some(status) => format!("status {status}"),
                None => in_words(answer),
            });
        }
        self.at(now)
    }

    /// Time went by.
    pub fn at(&self, now: Instant) -> Decision {
        if let (Some((text, since)), None) = (&self.refused, &self.start)
            && now.duration_since(*since) >= TELLS
        {
            return Decision::Back(format!("systemd refused the restart: {text}"));
        }
        let settled = self.active_since.is_some_and(|since| now.duration_since(since) >= self.health.settle);
        if settled
            && (self.health.http.is_none() || self.answered)
            && let Some(invocation) = self.invocation()
        {
            return Decision::Keep(invocation.clone());
        }
        let within = self.health.within;
        match &self.start {
            None if now.duration_since(self.switched) > self.stop_limit + within => {
                Decision::Back("the unit did not start".to_owned())
            }
            Some((_, since)) if now.duration_since(*since) > within => {
                Decision::Back(match (&self.health.http, self.active_since) {
                    (_, None) => format!(
                        "the unit was not up within {} s (it is {})",
                        within.as_secs(),
                        self.last.active
                    ),
                    (Some(http), Some(_)) => format!(
                        "{} was not healthy within {} s: {}",
                        http.url,
                        within.as_secs(),
                        self.answer.as_deref().unwrap_or("no answer")
                    ),
                    (None, Some(_)) => "the unit did not stay up".to_owned(),
                })
            }
            _ => Decision::Wait,
        }
    }
}

/// The statuses with which systemd says that it could not even start the program (systemd.exec(5)).
fn systemd_s(status: &str) -> Option<&'static str> {
    match status {
        "200" => Some("enter the unit's WorkingDirectory"),
        "203" => Some("start the program that ExecStart names"),
        "216" => Some("become the unit's Group"),
        "217" => Some("become the unit's User"),
        "226" => Some("set up the unit's mounts"),
        _ => None,
    }
}

/// What curl or bash said in place of a status.
fn in_words(answer: &str) -> String {
    let text = answer.trim_end_matches("000").trim();
    let text = text.split_once(") ").map_or(text, |(_, rest)| rest);
    if text.contains("timed out") || text.is_empty() {
        "no answer within 5 s".to_owned()
    } else if text.contains("connect") || text.contains("refused") {
        "nothing listens there".to_owned()
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::settings::HttpCheck;

    const OLD: &str = "00000000000000000000000000000001";
    const NEW: &str = "00000000000000000000000000000002";
    const THIRD: &str = "00000000000000000000000000000003";

    struct Case {
        verdict: Verdict,
        now: Instant,
    }

    impl Case {
        fn new(http: bool) -> Self {
            let health = Health {
                http: http.then(|| HttpCheck { url: "http://x/".into(), host: None, status: vec![] }),
                within: Duration::from_secs(30),
                settle: Duration::from_secs(1),
            };
            let now = Instant::now();
            Case { verdict: Verdict::new(health, OLD.parse().ok(), Duration::from_secs(90), now), now }
        }

        fn later(&mut self, seconds: f64) -> Decision {
            self.now += Duration::from_secs_f64(seconds);
            self.verdict.at(self.now)
        }

        fn unit(&mut self, active: &str, sub: &str, invocation: &str) -> Decision {
            let text = format!(
                "ActiveState={active} SubState={sub} InvocationID={invocation} Result=exit-code ExecMainStatus=1"
            );
            self.verdict.unit(UnitLine::parse(&text), self.now)
        }

        fn health(&mut self, invocation: &str, answer: &str) -> Decision {
            self.verdict.health(invocation, answer, self.now)
        }
    }

    fn keep() -> Decision {
        Decision::Keep(NEW.parse().unwrap())
    }

    #[test]
    fn up_for_the_settle_time_is_enough_without_a_check() {
        let mut case = Case::new(false);
        assert_eq!(case.unit("active", "running", OLD), Decision::Wait);
        assert_eq!(case.later(5.0), Decision::Wait);
        assert_eq!(case.unit("active", "running", NEW), Decision::Wait);
        assert_eq!(case.later(0.9), Decision::Wait);
        assert_eq!(case.later(0.2), keep());
    }

    #[test]
    fn with_a_check_both_are_needed() {
        let mut case = Case::new(true);
        case.unit("active", "running", NEW);
        // The old one's last answer does not count.
        assert_eq!(case.health(OLD, "200"), Decision::Wait);
        assert_eq!(case.later(2.0), Decision::Wait);
        assert_eq!(case.health(NEW, "503"), Decision::Wait);
        assert_eq!(case.health(NEW, "302"), keep());
        let mut case = Case::new(true);
        case.unit("active", "running", NEW);
        assert_eq!(case.health(NEW, "200"), Decision::Wait);
        assert_eq!(case.later(1.0), keep());
    }

    #[test]
    fn a_dead_process_ends_the_wait_at_once() {
        for (active, sub) in [("failed", "failed"), ("activating", "auto-restart"), ("inactive", "dead")] {
            let mut case = Case::new(true);
            case.unit("active", "running", NEW);
            assert_eq!(
                case.unit(active, sub, NEW),
                Decision::Back("it ended with status 1".into()),
                "{active}"
            );
        }
        let mut case = Case::new(false);
        case.unit("active", "running", NEW);
        assert!(matches!(case.unit("active", "running", THIRD), Decision::Back(_)));
        // … but the old one's end is what a restart is.
        let mut case = Case::new(false);
        assert_eq!(case.unit("deactivating", "stop-sigterm", OLD), Decision::Wait);
        assert_eq!(case.unit("inactive", "dead", OLD), Decision::Wait);
    }

    #[test]
    fn silence_uses_up_the_time() {
        let mut case = Case::new(true);
        case.unit("active", "running", NEW);
        case.health(NEW, "curl: (7) Failed to connect to 127.0.0.1 port 1: Connection refused000");
        assert_eq!(case.later(29.0), Decision::Wait);
        assert_eq!(
            case.later(2.0),
            Decision::Back("http://x/ was not healthy within 30 s: nothing listens there".into())
        );
        let mut case = Case::new(true);
        case.unit("activating", "start", NEW);
        assert_eq!(
            case.later(31.0),
            Decision::Back("the unit was not up within 30 s (it is activating)".into())
        );
        // The old one may take its stop timeout first.
        let mut case = Case::new(true);
        assert_eq!(case.later(119.0), Decision::Wait);
        assert_eq!(case.later(2.0), Decision::Back("the unit did not start".into()));
    }

    #[test]
    fn a_refused_restart_is_not_waited_for() {
        let mut case = Case::new(true);
        case.verdict.refused("Unit server.service is masked.", case.now);
        assert_eq!(case.later(0.5), Decision::Wait);
        assert!(matches!(case.later(0.6), Decision::Back(text) if text.contains("masked")));
    }

    #[test]
    fn a_start_that_failed_is_told_by_the_unit() {
        let mut case = Case::new(true);
        case.verdict.refused("Job for server.service failed because …", case.now);
        case.now += Duration::from_millis(300);
        assert_eq!(
            case.unit("activating", "auto-restart", NEW),
            Decision::Back("it ended with status 1".into())
        );
        let text = "ActiveState=failed SubState=failed Result=exit-code ExecMainStatus=0";
        assert_eq!(UnitLine::parse(text).end(), "ExecStartPre= or ExecStartPost= failed");
    }
}
