//! Something that is done while other things are waited for, and that nothing waits for in turn.

use std::pin::Pin;
use std::time::Duration;

use tokio::time::timeout;

/// Work on the side.
pub struct Meanwhile<'a, T> {
    work: Pin<Box<dyn Future<Output = T> + 'a>>,
    output: Option<T>,
}

impl<'a, T> Meanwhile<'a, T> {
    /// Not begun before something else is waited for.
    pub fn new(work: impl Future<Output = T> + 'a) -> Self {
        Meanwhile { work: Box::pin(work), output: None }
    }

    /// Waits for the main thing, and goes on with this one meanwhile.
    pub async fn during<M>(&mut self, main: impl Future<Output = M>) -> M {
        let mut main = std::pin::pin!(main);
        loop {
            tokio::select! {
                biased;
                end = &mut main => return end,
                output = &mut self.work, if self.output.is_none() => self.output = Some(output),
            }
        }
    }

    /// What came out, if it did or does so within this time.
    pub async fn within(self, limit: Duration) -> Option<T> {
        match self.output {
            Some(output) => Some(output),
            None => timeout(limit, self.work).await.ok(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::future::{pending, ready};

    use tokio::task::yield_now;

    use super::*;

    #[tokio::test]
    async fn the_main_thing_ends_when_it_ends() {
        let never = Duration::ZERO;
        let mut stuck = Meanwhile::new(pending::<()>());
        assert_eq!(stuck.during(ready(1)).await, 1);
        assert_eq!(stuck.within(never).await, None);

        let steps = Cell::new(0);
        let mut side = Meanwhile::new(async {
            steps.set(steps.get() + 1);
            yield_now().await;
            steps.set(steps.get() + 1);
            "done"
        });
        let main = async {
            while steps.get() < 2 {
                yield_now().await;
            }
        };
        side.during(main).await;
        side.during(yield_now()).await;
        assert_eq!(side.within(never).await, Some("done"));
        // What was not begun is done at the end.
        assert_eq!(Meanwhile::new(ready(2)).within(Duration::from_secs(60)).await, Some(2));
    }
}
