//! When the way there is shown while the way back is still examined: most ways back are known so soon that both come in one
//! piece.

use std::time::{Duration, Instant};

use crate::model::Examined;

/// A way back that is known by then needs no piece of its own.
const GRACE: Duration = Duration::from_millis(250);

/// The findings on the way there that were not shown yet, by number of the job.
pub(super) struct WayThereNews(Vec<JobNews>);

#[derive(Default)]
struct JobNews {
    waiting: Option<(Instant, Box<Examined>)>,
    was_shown: bool,
}

impl WayThereNews {
    pub(super) fn new(jobs: usize) -> Self {
        Self((0..jobs).map(|_| JobNews::default()).collect())
    }

    /// They stand, or have changed. A correction of what was shown does not wait.
    pub(super) fn note(&mut self, job: usize, there: &Examined, now: Instant) {
        if let Some(news) = self.0.get_mut(job) {
            let due = if news.was_shown { now } else { now + GRACE };
            news.waiting = Some((due, Box::new(there.clone())));
        }
    }

    /// Both ways are known.
    pub(super) fn forget(&mut self, job: usize) {
        if let Some(news) = self.0.get_mut(job) {
            news.waiting = None;
        }
    }

    /// The next that is to be shown now.
    pub(super) fn take_due(&mut self, now: Instant) -> Option<(usize, Examined)> {
        let is_due = |news: &JobNews| news.waiting.as_ref().is_some_and(|(due, _)| *due <= now);
        let (job, news) = self.0.iter_mut().enumerate().find(|(_, news)| is_due(news))?;
        news.was_shown = true;
        news.waiting.take().map(|(_, there)| (job, *there))
    }
}
