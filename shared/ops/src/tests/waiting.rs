use std::time::Duration;

use session_client::interrupt::Interrupt;
use session_model::progress::{ProgressEvent, ProgressSink};
use session_support::{Answer, FakeApi};

use super::{cluster, session};
use crate::wait::WaitOutcome;

struct Nobody;

impl ProgressSink for Nobody {
    fn tell(&mut self, _event: ProgressEvent) {}
}

#[tokio::test(start_paused = true)]
async fn a_wait_for_ready_ends_at_its_timeout_whatever_its_watches_do() {
    for answer in [Answer::watch(vec![]), Answer::expired()] {
        let api = FakeApi::new();
        api.on("GET", "/**", answer);
        let cluster = cluster(&api);
        let limit = Duration::from_secs(100);
        let session = serde_json::from_value(session("a")).unwrap();
        let (interrupt, mut nobody) = (Interrupt::default(), Nobody);
        let wait = cluster.wait_ready("default", &session, vec![], limit, &interrupt, &mut nobody);
        let waited = wait.await.unwrap();
        assert!(matches!(waited, WaitOutcome::TimedOut(_)), "{waited:?}");
        let (stop, pause) = (interrupt.clone(), Duration::from_secs(50));
        let stop = async move {
            tokio::time::sleep(pause).await;
            stop.trigger();
        };
        let wait = cluster.wait_ready("default", &session, vec![], limit, &interrupt, &mut nobody);
        let (waited, ()) = futures::join!(wait, stop);
        assert!(matches!(waited.unwrap(), WaitOutcome::Interrupted(_)));
    }
}
