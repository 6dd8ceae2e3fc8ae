//! The mail of a service, taken and opened as a transport will do it: by a worker of those kinds of jobs.

use std::sync::{Arc, Mutex};

use denizen::{
    app::App,
    job::{Verdict, Work, Worker},
    mail::{self, Kind, Mail},
};
use secrecy::ExposeSecret;

use super::{TestApp, eventually};

/// What takes mail and nothing else.
pub const POSTMAN: Work = Work { schedules: &[], once: Kind::NAMES };

/// A mail that was delivered.
#[derive(Clone, Debug)]
pub struct Letter {
    pub kind: Kind,
    pub to: String,
    /// The link in it.
    pub url: Option<String>,
}

impl Letter {
    /// The token in its link.
    #[track_caller]
    pub fn token(&self) -> String {
        self.url.as_ref().unwrap().split_once("#token=").unwrap().1.to_owned()
    }
}

/// Delivers all mail that waits, in the order in which it was queued.
pub async fn deliver(app: &App) -> Vec<Letter> {
    let (own, letters) = (app.clone(), Arc::new(Mutex::new(Vec::new())));
    let delivered = Arc::clone(&letters);
    let _postman = Worker::start(&app.db, POSTMAN, move |job| {
        let mail = Mail::read(&job).unwrap();
        let url = mail.url(&own.keys, &own.config.app.public_url).unwrap();
        let url = url.map(|url| url.expose_secret().to_owned());
        delivered.lock().unwrap().push((job.id, Letter { kind: mail.kind(), to: mail.to().to_string(), url }));
        async { Verdict::Done }
    });
    eventually("mail is not taken", async || mail::waiting(&mut app.db.read()).await.unwrap() == 0).await;
    let mut letters = letters.lock().unwrap().clone();
    // A write that failed by chance is tried again, and with it the job.
    letters.sort_by_key(|(id, _)| *id);
    letters.dedup_by_key(|(id, _)| *id);
    letters.into_iter().map(|(_, letter)| letter).collect()
}

impl TestApp {
    /// As [`deliver`].
    pub async fn letters(&self) -> Vec<Letter> {
        deliver(&self.app).await
    }

    /// The token of the one link in the mail that waits.
    pub async fn mailed_token(&self) -> String {
        let letters = self.letters().await;
        let links: Vec<_> = letters.iter().filter(|letter| letter.url.is_some()).collect();
        assert_eq!(links.len(), 1, "{letters:?}");
        links[0].token()
    }
}
