//! Each test is a story: what the watchers said, and when.

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
    /// The switch was just made.
    fn switched(http: bool) -> Self {
        let health = Health {
            http: http.then(|| HttpCheck { url: "http://x/".into(), host: None, status: vec![] }),
            within: Duration::from_secs(30),
            settle: Duration::from_secs(1),
        };
        let now = Instant::now();
        Case { verdict: Verdict::new(health, OLD.parse().ok(), Duration::from_secs(90), now), now }
    }

    /// … and the restart is done: NEW runs.
    fn new(http: bool) -> Self {
        let mut case = Case::switched(http);
        assert_eq!(case.restarted(NEW), Decision::Wait);
        case.unit("active", "running", NEW);
        case
    }

    fn later(&mut self, seconds: f64) -> Decision {
        self.now += Duration::from_secs_f64(seconds);
        self.verdict.at(self.now)
    }

    fn restarted(&mut self, invocation: &str) -> Decision {
        self.verdict.restarted(invocation, self.now)
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

    /// These answers, five a second.
    fn answers(&mut self, answers: &str) -> Decision {
        let mut decision = Decision::Wait;
        for answer in answers.split_whitespace() {
            self.now += Duration::from_millis(200);
            decision = self.health(NEW, answer);
        }
        decision
    }
}

fn keep() -> Decision {
    Decision::Keep(NEW.parse().unwrap())
}

fn back(text: &str) -> Decision {
    Decision::Back(text.to_owned())
}

#[test]
fn up_for_the_settle_time_is_enough_without_a_check() {
    let mut case = Case::switched(false);
    assert_eq!(case.unit("active", "running", OLD), Decision::Wait);
    assert_eq!(case.later(5.0), Decision::Wait);
    case.restarted(NEW);
    assert_eq!(case.unit("active", "running", NEW), Decision::Wait);
    assert_eq!(case.later(0.9), Decision::Wait);
    assert_eq!(case.later(0.2), keep());
}

#[test]
fn with_a_check_both_are_needed() {
    let mut case = Case::new(true);
    // The old one's last answers do not count.
    for _ in 0..10 {
        case.now += Duration::from_millis(200);
        assert_eq!(case.health(OLD, "200"), Decision::Wait);
    }
    assert_eq!(case.answers("503"), Decision::Wait);
    // From the first good one on, without a break, for the settle time.
    assert_eq!(case.answers("302 302 302 302 302"), Decision::Wait);
    assert_eq!(case.answers("302"), keep());
    // Up for long enough is needed as well.
    let mut case = Case::switched(true);
    case.restarted(NEW);
    assert_eq!(case.answers("200 200 200 200 200 200 200"), Decision::Wait);
    case.unit("active", "running", NEW);
    assert_eq!(case.later(1.0), keep());
}

#[test]
fn slow_answers_have_to_be_three() {
    let mut case = Case::new(true);
    for decision in [Decision::Wait, Decision::Wait, keep()] {
        case.now += Duration::from_secs(4);
        assert_eq!(case.health(NEW, "200"), decision);
    }
}

#[test]
fn a_bad_answer_begins_it_anew() {
    let mut case = Case::new(true);
    assert_eq!(case.answers("200 200 200 200 200 500 200 200 200 200 200"), Decision::Wait);
    assert_eq!(case.answers("200"), keep());
}

#[test]
fn now_so_now_so_is_not_healthy() {
    let mut case = Case::new(true);
    // What comes before the first good one is not held against it.
    let refused = "curl: (7) Failed to connect to x port 1: Connection refused000";
    assert_eq!(case.health(NEW, refused), Decision::Wait);
    assert_eq!(case.answers(&"200 500 ".repeat(70)), Decision::Wait);
    case.health(NEW, refused);
    let mut last = Decision::Wait;
    for _ in 0..10 {
        last = case.answers("200 500");
        if last != Decision::Wait {
            break;
        }
    }
    let Decision::Back(text) = last else { panic!("{last:?}") };
    assert!(
        text.starts_with("http://x/ was not healthy within 30 s: only 7")
            && text.contains(" answers were healthy; the others: status 500 (7")
            && text.ends_with("), nothing listens on x (1)"),
        "{text}"
    );
}

#[test]
fn good_answers_that_began_in_time_are_heard_to_their_end() {
    let mut case = Case::new(true);
    assert_eq!(case.later(29.9), Decision::Wait);
    assert_eq!(case.answers("200 200 200 200 200"), Decision::Wait);
    assert_eq!(case.answers("200"), keep());
    let mut case = Case::new(true);
    assert_eq!(case.later(29.9), Decision::Wait);
    assert_eq!(case.answers("200 200"), Decision::Wait);
    assert!(matches!(case.answers("500"), Decision::Back(text) if text.contains("2 of 3 answers")));
}

#[test]
fn a_dead_process_ends_the_wait_at_once() {
    for (active, sub) in [("failed", "failed"), ("activating", "auto-restart"), ("inactive", "dead")] {
        let mut case = Case::new(true);
        assert_eq!(case.unit(active, sub, NEW), back("it ended with status 1"), "{active}");
    }
    // … but the old one's end is what a restart is.
    let mut case = Case::switched(false);
    assert_eq!(case.unit("deactivating", "stop-sigterm", OLD), Decision::Wait);
    assert_eq!(case.unit("inactive", "dead", OLD), Decision::Wait);
}

#[test]
fn one_that_died_before_the_restart_was_told_is_not_waited_for() {
    let mut case = Case::switched(true);
    assert_eq!(case.unit("activating", "auto-restart", NEW), Decision::Wait);
    assert_eq!(case.restarted(NEW), back("it ended with status 1"));
    // The old release's end is not that of the new one.
    let mut case = Case::switched(true);
    assert_eq!(case.unit("activating", "auto-restart", OLD), Decision::Wait);
    assert_eq!(case.restarted(NEW), Decision::Wait);
}

#[test]
fn how_a_start_ended_that_is_gone_already_is_told_by_the_log() {
    let line = "server.service: Main process exited, code=exited, status=3/NOTIMPLEMENTED";
    let ended = |case: &mut Case, rest: &str| case.verdict.ended(rest, case.now);
    let asks = Decision::Ask(NEW.parse().unwrap());
    let mut case = Case::new(false);
    assert_eq!(case.unit("active", "running", THIRD), asks);
    assert_eq!(case.unit("active", "exited", THIRD), Decision::Wait, "once is enough");
    assert_eq!(ended(&mut case, &format!("{THIRD} {line}")), Decision::Wait);
    let says = back("it ended with status 3, and systemd started it again");
    assert_eq!(ended(&mut case, &format!("{NEW} {line}")), says);
    // The end was seen.
    let mut case = Case::new(false);
    let dead = format!(
        "ActiveState=activating SubState=auto-restart InvocationID={NEW} Result=signal ExecMainStatus=9 Job=7"
    );
    assert_eq!(case.verdict.unit(UnitLine::parse(&dead), case.now), Decision::Wait);
    assert_eq!(
        case.unit("active", "running", THIRD),
        back("it was killed by signal 9 (KILL), and systemd started it again")
    );
    // The log may not be read, or has nothing; the time goes by or it says so.
    let untold = back("it ended and was started again by systemd");
    let mut case = Case::new(false);
    assert_eq!(case.unit("active", "running", THIRD), asks);
    assert_eq!(case.later(3.9), Decision::Wait);
    assert_eq!(case.later(0.2), untold);
    let mut case = Case::new(false);
    case.unit("active", "running", THIRD);
    assert_eq!(ended(&mut case, NEW), untold);
}

#[test]
fn what_systemd_s_own_timer_started_before_our_restart_is_not_judged() {
    // The old release crashes in a loop: one of its starts comes between the relink and the restart.
    let mut case = Case::switched(true);
    assert_eq!(case.unit("active", "running", THIRD), Decision::Wait);
    assert_eq!(case.health(THIRD, "200"), Decision::Wait);
    assert_eq!(case.unit("failed", "failed", THIRD), Decision::Wait);
    assert_eq!(case.unit("activating", "start", NEW), Decision::Wait);
    assert_eq!(case.restarted(NEW), Decision::Wait);
    case.unit("active", "running", NEW);
    assert_eq!(case.answers("200 200 200 200 200"), Decision::Wait);
    assert_eq!(case.answers("200"), keep());
    // Nor is it kept.
    let mut case = Case::switched(false);
    case.unit("active", "running", THIRD);
    assert_eq!(case.later(2.0), Decision::Wait);
    case.restarted(NEW);
    // A look from before that is told late.
    assert!(matches!(case.unit("active", "running", THIRD), Decision::Ask(_)));
    assert_eq!(case.unit("active", "running", NEW), Decision::Wait);
    assert_eq!(case.later(1.1), keep());
}

#[test]
fn silence_uses_up_the_time() {
    let mut case = Case::new(true);
    case.health(NEW, "curl: (7) Failed to connect to 127.0.0.1 port 1: Connection refused000");
    assert_eq!(case.later(29.0), Decision::Wait);
    assert_eq!(case.later(2.0), back("http://x/ was not healthy within 30 s: nothing listens on x"));
    let mut case = Case::switched(true);
    case.unit("activating", "start-post", NEW);
    assert_eq!(case.later(31.0), back("the unit was not up within 30 s (it is activating (start-post))"));
    // The old one may take its stop timeout first.
    let mut case = Case::switched(true);
    assert_eq!(case.later(119.0), Decision::Wait);
    assert_eq!(case.later(2.0), back("the unit did not start"));
}

#[test]
fn a_refused_restart_is_not_waited_for() {
    let case = Case::switched(true);
    assert_eq!(
        case.verdict.refused("Unit server.service is masked."),
        back("systemd refused the restart: Unit server.service is masked.")
    );
}

#[test]
fn a_start_that_failed_is_told_by_the_unit() {
    let failed = format!("{NEW} Job for server.service failed because …");
    let mut case = Case::switched(true);
    assert_eq!(case.verdict.start_failed(&failed, case.now), Decision::Ask(NEW.parse().unwrap()));
    case.now += Duration::from_millis(300);
    assert_eq!(case.unit("activating", "auto-restart", NEW), back("it ended with status 1"));
    // It was seen before.
    let mut case = Case::switched(true);
    assert_eq!(case.unit("failed", "failed", NEW), Decision::Wait);
    assert_eq!(case.verdict.start_failed(&failed, case.now), back("it ended with status 1"));
    // systemd was quicker with the next start.
    let mut case = Case::switched(true);
    case.verdict.start_failed(&failed, case.now);
    assert_eq!(case.unit("activating", "start", THIRD), Decision::Wait);
    let line = format!("{NEW} server.service: Control process exited, code=exited, status=1/FAILURE");
    assert_eq!(case.verdict.ended(&line, case.now), back("ExecStartPre= or ExecStartPost= failed"));
    // Nothing tells more.
    let mut case = Case::switched(true);
    case.verdict.start_failed(&failed, case.now);
    assert_eq!(case.later(5.0), back("the start failed: Job for server.service failed because …"));
}
