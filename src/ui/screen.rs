//! How a flow's events are shown while it goes on: drawn on a terminal, as lines, or as JSON.

use std::future;
use std::time::{Duration, Instant};

use tokio::signal::unix::Signal;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::{MissedTickBehavior, interval};

use super::live::{self, Live};
use super::pace::Pace;
use super::plain::{self, Plain};
use super::streams::To;
use super::{Ui, json, terminal};
use crate::model::event::Event;

/// How often it is looked whether something is due.
const LOOK: Duration = Duration::from_secs(1);

/// One kind of screen.
pub(super) enum Screen {
    /// Lines, for pipes and simple terminals.
    Plain(Plain, Pace),
    /// Lines, and below them what goes on.
    Live(Box<Live>),
    /// Objects.
    Json(Pace),
    /// Warnings alone: the answer is something else.
    Warnings,
}

impl Ui {
    /// Does the work, and shows what it tells until it is done.
    pub async fn follow<T>(&self, events: UnboundedReceiver<Event>, work: impl Future<Output = T>) -> T {
        self.follow_on(self.screen(), events, work).await
    }

    /// Does the work, and says what it warns of: the screen is that of a log, or of a command on the server.
    pub async fn attend<T>(&self, events: UnboundedReceiver<Event>, work: impl Future<Output = T>) -> T {
        self.follow_on(Screen::Warnings, events, work).await
    }

    async fn follow_on<T>(
        &self,
        mut screen: Screen,
        mut events: UnboundedReceiver<Event>,
        work: impl Future<Output = T>,
    ) -> T {
        let mut ticks = interval(if matches!(screen, Screen::Live(_)) { live::EACH } else { LOOK });
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut stops = if matches!(screen, Screen::Live(_)) { terminal::stops() } else { None };
        let echoed = self.is_interactive() && terminal::echoes();
        let mut work = std::pin::pin!(work);
        loop {
            // While ssh asks for a passphrase nothing is written into its question: the events wait.
            let asked = echoed && !terminal::echoes();
            tokio::select! {
                biased;
                Some(event) = events.recv(), if !asked => self.show(&mut screen, &event),
                () = stopped(&mut stops) => {
                    // The shell writes there next.
                    if let Screen::Live(live) = &mut screen {
                        live.erase();
                    }
                    terminal::stop();
                }
                _ = ticks.tick(), if !asked => self.tick(&mut screen),
                // Nothing else wakes it up when the question is answered.
                () = tokio::time::sleep(live::EACH), if asked => {}
                end = &mut work => {
                    // Not until the channel is closed: a task that outlives the work may hold it open.
                    while let Ok(event) = events.try_recv() {
                        self.show(&mut screen, &event);
                    }
                    return end;
                }
            }
        }
    }

    fn show(&self, screen: &mut Screen, event: &Event) {
        let folds = self.github.as_ref().map(|github| github.see(event)).unwrap_or_default();
        let at = Instant::now();
        match screen {
            Screen::Plain(plain, pace) => {
                self.streams().command(&folds);
                if let (Some(_), Some(text)) = (&self.github, plain::warns(event)) {
                    return self.warn(&text);
                }
                let line = plain.line(event);
                pace.see(event, line.is_some(), at);
                if let Some((to, line)) = line {
                    self.streams().write(to, &line);
                }
            }
            Screen::Live(live) => live.see(event, &mut self.streams()),
            Screen::Json(pace) => {
                if pace.lets_pass(event, at) {
                    self.streams().write(To::Out, &json::line(event));
                }
                // Whoever keeps only stdout for the program still reads these.
                self.show_warning(event);
            }
            Screen::Warnings => self.show_warning(event),
        }
    }

    fn show_warning(&self, event: &Event) {
        if let Some(text) = plain::warns(event) {
            self.warn(&text);
        }
    }

    fn tick(&self, screen: &mut Screen) {
        match screen {
            Screen::Plain(plain, pace) => {
                for (verb, what) in pace.due(Instant::now()) {
                    if let Some(line) = plain.still(verb, &what) {
                        self.streams().write(To::Err, &line);
                    }
                }
            }
            Screen::Live(live) => live.tick(),
            Screen::Json(_) | Screen::Warnings => {}
        }
    }
}

async fn stopped(stops: &mut Option<Signal>) {
    match stops {
        Some(signal) => {
            signal.recv().await;
        }
        None => future::pending().await,
    }
}
