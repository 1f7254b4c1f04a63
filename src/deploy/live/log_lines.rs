//! The log lines of the start that failed, with the failure.

use std::time::Duration;

use super::report::Report;
use crate::deploy::server::mend;
use crate::model::failure::Failure;
use crate::model::names::Invocation;
use crate::model::server::Control;
use crate::remote::{self, Script};
use crate::tools::ssh::Connection;

/// How many of the unit's log lines a failure shows.
const LOG_LINES: u32 = 20;

impl Report<'_> {
    /// The failure with these lines, and with the place of the output when that is not the journal.
    pub(super) async fn with_log(
        &self,
        failure: Failure,
        connection: &Connection,
        invocation: &Invocation,
    ) -> Failure {
        let settings = self.run.settings;
        if !self.state.may_read_journal {
            let group = mend::journal_group(settings, self.state);
            return failure.hint(format!("to see its log lines here: {group}"));
        }
        let control = if matches!(self.state.control, Control::User { .. }) { "user" } else { "system" };
        let process = self.story.process.clone().unwrap_or_default();
        let unit = settings.unit.to_string();
        let words = [invocation.to_string(), process, LOG_LINES.to_string(), control.to_owned(), unit];
        let said = match connection.ask(Script::Logs, &words, b"", Duration::from_secs(30)).await {
            Ok(said) => said,
            Err(error) => return failure.hint(format!("its log lines did not come: {error}")),
        };
        let said: Vec<(&str, &str)> = said.iter().filter_map(|line| remote::parse(line)).collect();
        let lines = said.iter().find(|(word, _)| *word == "lines");
        let mut lines = lines.map(|(_, rest)| remote::unpacked(rest)).unwrap_or_default();
        // What follows is how it was stopped to go back, which looks as if the app had quit.
        if let Some(stop) =
            lines.iter().rposition(|line| line.starts_with("Stopping ") && line.ends_with("..."))
            && stop > 0
        {
            lines.truncate(stop);
        }
        let failure = failure.detail(format!("the last lines of {} (this start)", settings.unit), lines);
        let elsewhere: Vec<&str> =
            said.iter().filter(|(word, _)| *word == "elsewhere").map(|(_, rest)| *rest).collect();
        match elsewhere[..] {
            [] => failure,
            _ => failure.hint(format!(
                "the unit says {}, so what it writes is not in the journal; where it goes: {}",
                elsewhere.join(" and "),
                self.look("systemctl", &format!("cat {}", settings.unit))
            )),
        }
    }
}
