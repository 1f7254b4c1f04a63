//! The connection broke: what the server says when it is asked, and what is said where it does not answer.

use std::time::Duration;

use super::Live;
use super::outcome::{self, Told};
use super::report::Report;
use crate::deploy::limits;
use crate::deploy::talk::Story;
use crate::model::event::Event;
use crate::model::failure::{Failure, Kind, Outcome};
use crate::model::journal::What;
use crate::model::names::short_release;
use crate::tools::signals::{Interrupts, Wish};
use crate::tools::ssh::Connection;

impl Report<'_> {
    /// The connection broke. Nothing is concluded from that: the server is asked.
    pub async fn lost(self, token: &str, interrupts: &mut Interrupts) -> Outcome<Live> {
        let seen = self.story.wish.map_or(0, |wish| wish.times);
        if seen > 1 {
            return Err(self.impatient());
        }
        self.run.events.tell(Event::ContactLost { within: outcome::within(self.state) });
        let (told, connection) = tokio::select! {
            told = outcome::ask(&self.run.options, self.run.settings, self.state, token) => told,
            wish = interrupts.more_than(seen) => {
                return Err(Report { story: Story { wish: Some(wish), ..self.story }, ..self }.impatient());
            }
        };
        let ended = self.told(told, connection.as_ref()).await;
        if let Some(connection) = connection {
            connection.close().await;
        }
        ended
    }

    async fn told(&self, told: Told, connection: Option<&Connection>) -> Outcome<Live> {
        let host = &self.run.settings.host;
        match told {
            Told::Ended(entry) if entry.event == What::Kept => Ok(self.live(Some(entry.deploy))),
            Told::Ended(entry) => {
                let reason = entry.reason.as_deref().unwrap_or("contact with it was lost");
                match entry.outcome.as_deref() {
                    Some(word) => Err(self.back(word, reason, connection).await),
                    // An end without an outcome is one of the hook: nothing was switched.
                    None => Err(Failure::msg(
                        self.story.wish.map_or(Kind::NotLive, Wish::kind),
                        format!("{} did not go live: {reason}", self.target.release.short()),
                    )
                    .live(self.untouched())
                    .hint(self.again())),
                }
            }
            Told::NothingChanged => Err(self.lost_before_the_switch()),
            Told::NotInTime(why) => Err(Failure::new(
                Kind::ContactLost,
                why.context(format!(
                    "contact with {host} was lost, and it did not tell in time how it ended"
                )),
            )
            .live(self.by_itself(outcome::within(self.state)))
            .hint(self.run.command("status"))),
        }
    }

    fn impatient(&self) -> Failure {
        let kind = self.story.wish.map_or(Kind::Interrupted, Wish::kind);
        Failure::msg(kind, "interrupted without waiting for the server's answer")
            .live(self.by_itself(Duration::ZERO))
            .hint(self.run.command("status"))
    }

    /// What the server does when it hears nothing, for so long already.
    fn by_itself(&self, since: Duration) -> String {
        if self.target.is_restart() {
            return format!("`current` is {} as before", self.target.release.short());
        }
        let limit = limits::deadline(self.state);
        let over = if since > limit { ", which are over" } else { "" };
        let what = match self.previous() {
            Some(name) => format!("the server goes back to {}", short_release(&name)),
            None => "the server takes it out of service".to_owned(),
        };
        format!("unless it was kept already, {what} by itself within {} s{over}", limit.as_secs())
    }
}
