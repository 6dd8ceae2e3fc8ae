//! The page of metrics. What comes from memory is always there; what is asked of the database is bounded, and left out
//! while the database is away, since that is when people look.

use super::process;
use crate::{
    app::App,
    db::Engine,
    error::Result,
    event::{self, counters},
    job, logs, mail,
    metrics::{Family, Text},
};

/// Everything, in the text format of Prometheus.
pub(super) async fn page(app: &App) -> String {
    let mut text = Text::default();
    let engine = match app.db.engine() {
        Engine::Sqlite => "sqlite",
        Engine::Postgres => "postgresql",
    };
    text.sample(Family::BuildInfo, &[env!("CARGO_PKG_VERSION"), engine], 1);
    text.sample(Family::Uptime, &[], app.begun.elapsed().as_secs());
    app.meters.tell(&mut text);
    app.pool.tell(&mut text);
    app.db.tell_meters(&mut text);
    app.tracer.tell(&mut text);
    text.sample(Family::LogLinesDropped, &[], logs::dropped());
    process::tell(&mut text);
    text.sample(Family::ProcessStart, &[], seconds(app.meters.began.micros()));
    let mut stored = Text::default();
    let is_up = tell_stored(app, &mut stored).await.is_ok();
    text.sample(Family::DbUp, &[], u8::from(is_up));
    let stored = if is_up { stored.finish() } else { String::new() };
    text.finish() + &stored
}

/// What the database knows, of all nodes.
async fn tell_stored(app: &App, text: &mut Text) -> Result<()> {
    let mut conn = app.db.read();
    let counters = counters::read(&mut conn).await?;
    for (family, value) in [
        (Family::Users, counters.total_users),
        (Family::UsersActive, counters.active_users),
        (Family::UsersPremium, counters.premium_users),
        (Family::UsersVerified, counters.verified_users),
        (Family::Sessions, counters.active_sessions),
        (Family::RefreshTokens, counters.active_refresh_tokens),
    ] {
        text.sample(family, &[], value);
    }
    let backlog = event::backlog(&mut conn).await?;
    let age = backlog.oldest.map_or(0, |oldest| app.db.clock().now().micros().saturating_sub(oldest.micros()).max(0));
    text.sample(Family::LogHead, &[], backlog.head);
    text.sample(Family::LogPending, &[], backlog.pending);
    text.sample(Family::LogPendingAge, &[], seconds(age));
    let (waiting, parked) = job::count(&mut conn, mail::Kind::NAMES).await?;
    text.sample(Family::JobsWaiting, &[], waiting - parked);
    text.sample(Family::JobsParked, &[], parked);
    text.sample(Family::MailWaiting, &[], mail::waiting(&mut conn).await?);
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "an f64 counts microseconds for centuries")]
fn seconds(micros: i64) -> f64 {
    micros as f64 / 1e6
}
