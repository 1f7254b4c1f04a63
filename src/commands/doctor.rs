//! `doctor`: looks at all that a deploy needs, and says what mends what is missing.

use serde::Serialize;

use super::{Cx, listen};
use crate::deploy::doctor;
use crate::deploy::server::connect;
use crate::model::check::{Check, Group, Status};
use crate::model::failure::{Kind, Outcome};
use crate::tools::signals::Wish;
use crate::ui::style::{BAD, GOOD, paint};
use crate::ui::text::count;
use crate::ui::{checks, json};

/// What `shipit setup` makes on a server.
const BY_SETUP: [&str; 8] = ["daemon", "trust", "restart", "start limit", "hooks", "log", "folder", "unit"];

#[derive(Serialize)]
struct Answer<'a> {
    version: u32,
    environment: &'a str,
    host: &'a str,
    ready: bool,
    checks: &'a [Check],
}

/// Runs it: the exit code.
pub async fn run(cx: &Cx<'_>) -> Outcome<u8> {
    let mut interrupts = listen()?;
    let (settings, ui) = (&cx.settings, cx.ui);
    ui.say(format!("looking at {} and at this machine", settings.host));
    let options = connect::options(settings, &cx.context, ui.is_interactive());
    let found = interrupts.or_stop(doctor::examine(settings, &options), Wish::early).await?;
    let failed = number(&found, Status::Failed);
    let answer = Answer {
        version: json::VERSION,
        environment: settings.environment.as_str(),
        host: settings.host.as_str(),
        ready: failed == 0,
        checks: &found,
    };
    let summary = summary(&found, settings.host.as_str(), |words| ui.command(words));
    ui.answer_text(&format!("{}\n{summary}", checks::lines(&found, ui.columns())), &answer)?;
    Ok(if failed == 0 { 0 } else { Kind::NotReady.exit_code() })
}

fn number(checks: &[Check], status: Status) -> usize {
    checks.iter().filter(|check| check.status == status).count()
}

/// The last lines: ready or not, and what to type next.
fn summary(checks: &[Check], host: &str, command: impl Fn(&str) -> String) -> String {
    let of = |status, one: &str| match number(checks, status) {
        0 => None,
        found => Some(count(found as u64, one)),
    };
    let warnings = of(Status::Warning, "warning").map(|text| format!(", {text}")).unwrap_or_default();
    let Some(failed) = of(Status::Failed, "check") else {
        let ready = paint(GOOD, "ready:");
        let fine = checks.iter().any(|check| {
            check.group == Group::App && check.name == "answer" && check.text == doctor::app::NOTHING_LIVE
        });
        // What is signed elsewhere is not built here.
        let elsewhere =
            checks.iter().any(|check| check.name == "signing key" && check.status == Status::Note);
        let deploy = command(if elsewhere { "deploy --from CACHE" } else { "deploy" });
        let next = if fine { format!("; the first deploy: {deploy}") } else { String::new() };
        return format!("{ready} {host} can be deployed to{warnings}{next}\n");
    };
    let skipped =
        of(Status::Skipped, "check").map(|text| format!(", {text} not looked at")).unwrap_or_default();
    let mut text = format!(
        "{} {failed} failed{warnings}{skipped}; mend that, and look again: {}\n",
        paint(BAD, "not ready:"),
        command("doctor")
    );
    let by_setup = |check: &Check| {
        matches!(check.group, Group::Server | Group::App)
            && check.status == Status::Failed
            && BY_SETUP.contains(&check.name)
    };
    if checks.iter().any(by_setup) {
        text +=
            &format!("the short way, for an administrator of the server: {}\n", command("setup --as root"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::check::Remark;

    fn said(checks: &[Check]) -> String {
        let text = summary(checks, "deploy@server", |words| format!("shipit -e staging {words}"));
        anstream::adapter::strip_str(&text).to_string()
    }

    #[test]
    fn the_last_line_says_what_to_type() {
        let of =
            |group, name, remark| Check::of(group, name, remark, || doctor::app::NOTHING_LIVE.to_owned());
        let fine = of(Group::App, "answer", None);
        let odd = of(Group::Server, "log", Some(Remark::warning("x")));
        let bad = of(Group::Server, "folder", Some(Remark::failed("x")));
        let here = of(Group::Laptop, "nix", Some(Remark::failed("x")));
        let skipped = Check::skipped(Group::Server, "trust", "server/nix");
        assert_eq!(
            said(&[fine.clone(), odd.clone()]),
            "ready: deploy@server can be deployed to, 1 warning; the first deploy: shipit -e staging deploy\n"
        );
        let elsewhere = of(Group::Laptop, "signing key", Some(Remark::note("x")));
        assert!(said(&[fine, elsewhere]).ends_with("deploy --from CACHE\n"));
        assert_eq!(
            said(&[bad, odd, skipped]),
            "not ready: 1 check failed, 1 warning, 1 check not looked at; mend that, and look again: shipit -e staging doctor\n\
             the short way, for an administrator of the server: shipit -e staging setup --as root\n"
        );
        assert!(!said(&[here]).contains("setup"), "setup does not mend this machine");
    }
}
