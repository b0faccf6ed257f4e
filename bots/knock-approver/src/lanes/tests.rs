//! The order of lanes.

use std::sync::Mutex;

use tokio::sync::mpsc;

use super::*;

/// Does what a row's payload says: `ok`, `fail once`, `panic`.
#[derive(Debug)]
struct Scripted {
    store: Store,
    queue: Queue,
    done: mpsc::UnboundedSender<String>,
    tried: Mutex<HashSet<String>>,
}

#[async_trait]
impl Worker for Scripted {
    async fn work(&self, entry: Entry) -> Result<(), WorkError> {
        let first = self.tried.lock().unwrap().insert(entry.key.clone());
        let script: String = entry.read()?;
        match script.as_str() {
            "fail once" if first => return Err(WorkError::NotYet("it is not its turn")),
            "panic" => panic!("a mistake in a worker"),
            _ => {}
        }
        let (queue, id) = (self.queue, entry.id);
        self.store.run(move |tx| queue::done(tx, queue, id)).await?;
        self.done.send(entry.key).unwrap();
        Ok(())
    }
}

/// Lanes that run.
struct Bench {
    _dir: tempfile::TempDir,
    done: mpsc::UnboundedReceiver<String>,
    shutdown: CancellationToken,
    running: tokio::task::JoinHandle<()>,
}

/// Runs rows (key, lane, script).
async fn bench(queue: Queue, rows: &[(&str, &str, &str)]) -> Bench {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    let owned = rows
        .iter()
        .map(|(key, lane, script)| (key.to_string(), lane.to_string(), script.to_string()));
    let owned: Vec<_> = owned.collect();
    store
        .run(move |tx| {
            for (key, lane, script) in &owned {
                queue::put(tx, queue, key, lane, script, 0)?;
            }
            Ok::<_, StoreError>(())
        })
        .await
        .unwrap();
    let (sender, done) = mpsc::unbounded_channel();
    let worker = Scripted {
        store: store.clone(),
        queue,
        done: sender,
        tried: Mutex::default(),
    };
    let shutdown = CancellationToken::new();
    let running = tokio::spawn(run(store, queue, Arc::new(worker), shutdown.clone()));
    Bench {
        _dir: dir,
        done,
        shutdown,
        running,
    }
}

/// Runs rows until all are done; answers their order.
async fn order(queue: Queue, rows: &[(&str, &str, &str)]) -> Vec<String> {
    let mut bench = bench(queue, rows).await;
    let mut keys = Vec::new();
    while keys.len() < rows.len() {
        let next = tokio::time::timeout(Duration::from_secs(120), bench.done.recv()).await;
        keys.push(next.expect("all rows are done").unwrap());
    }
    bench.shutdown.cancel();
    bench.running.await.unwrap();
    keys
}

#[rstest::rstest]
#[case(Queue::Inbox)]
#[case(Queue::Outbox)]
#[tokio::test]
async fn nothing_overtakes_in_a_lane_and_lanes_do_not_wait_for_each_other(#[case] queue: Queue) {
    let rows = [("a1", "a", "fail once"), ("a2", "a", "ok"), ("b1", "b", "ok")];
    assert_eq!(order(queue, &rows).await, ["b1", "a1", "a2"]);
}

#[rstest::rstest]
#[case(Queue::Inbox)]
#[case(Queue::Outbox)]
#[tokio::test]
async fn a_worker_that_panics_takes_the_queue_with_it(#[case] queue: Queue) {
    let mut bench = bench(queue, &[("a1", "a", "panic"), ("a2", "a", "ok")]).await;
    let ended = tokio::time::timeout(Duration::from_secs(60), &mut bench.running).await;
    let panic = ended.expect("it ends").unwrap_err().into_panic();
    assert_eq!(panic.downcast_ref::<&str>(), Some(&"a mistake in a worker"));
    // What was behind the row is kept for the next start.
    assert_eq!(bench.done.recv().await, None);
}

/// The breaker, a limit and a missing power put a row off.
#[tokio::test]
async fn a_row_that_is_put_off_holds_its_lane_in_the_outbox() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    let (next, ready, due) = store
        .run(|tx| {
            for key in ["first", "second"] {
                queue::put(tx, Queue::Outbox, key, "room", &(), 0)?;
            }
            let first = queue::next(tx, Queue::Outbox, "room")?.unwrap();
            let later = now_ms() + 60_000;
            queue::hold(tx, first.id, "!space:hs", later)?;
            let next = queue::next(tx, Queue::Outbox, "room")?;
            let (ready, due) = queue::lanes(tx, Queue::Outbox)?;
            assert_eq!(queue::wake(tx, "!other:hs")?, 0);
            assert_eq!(queue::wake(tx, "!space:hs")?, 1);
            assert_eq!(queue::next(tx, Queue::Outbox, "room")?.unwrap().key, "first");
            Ok::<_, StoreError>((next, ready, due.map(|due| due - later)))
        })
        .await
        .unwrap();
    assert_eq!((next, ready, due), (None, vec![], Some(0)));
}

/// A timer is not waited for, and what became due first comes first.
#[tokio::test]
async fn a_timer_holds_nothing_up_in_the_inbox() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    let next = store
        .run(|tx| {
            queue::put(tx, Queue::Inbox, "timeout", "room", &(), now_ms() + 60_000)?;
            queue::put(tx, Queue::Inbox, "message", "room", &(), 0)?;
            queue::next(tx, Queue::Inbox, "room")
        })
        .await
        .unwrap();
    assert_eq!(next.unwrap().key, "message");
}
