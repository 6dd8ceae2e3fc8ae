//! Failures are counted before the hash is computed.

use crate::each_engine;

each_engine! {
    async fn forty_guesses_at_once_cost_five_hashes(app) {
        let ann = app.register("ann").await;
        let before = app.app.pool.computed();
        // From where nobody came before: what the account knows of its owner's device does not count.
        let guesses = (0..40).map(|n| {
            let thief = app.with("user-agent", "a stranger");
            let email = ann.email.clone();
            tokio::spawn(async move { thief.login_with(&email, &format!("Wrong-Guess-{n}")).await.status })
        });
        let mut refused = 0;
        for guess in guesses.collect::<Vec<_>>() {
            match guess.await.unwrap() {
                401 => refused += 1,
                status => assert_eq!(status, 429),
            }
        }
        assert_eq!(refused, 5);
        assert_eq!(app.app.pool.computed() - before, 5);
    }
}
