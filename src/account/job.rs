//! Erasing deleted accounts whose grace has passed, telling of grants that have ended, and making accounts known to the
//! search.

use crate::{app::App, error::Result, id::UserId, search::aside};

const BATCH: i64 = 50;
/// Accounts that are looked at in one statement, and made known in one transaction.
const LOOKED_AT: i64 = 1_000;
const MADE_KNOWN: usize = 25;

/// Erases what is due, in the log too.
///
/// # Errors
/// Of the database; what was erased until then stays erased.
pub async fn erase(app: &App) -> Result<()> {
    while app.db.write(async |tx| super::erase(tx, BATCH).await).await? > 0 {}
    Ok(())
}

/// Tells of grants that have ended.
///
/// # Errors
/// Of the database; what was told until then stays told.
pub async fn sweep(app: &App) -> Result<()> {
    while app.db.write(async |tx| super::grant::sweep(tx, BATCH).await).await? > 0 {}
    Ok(())
}

/// Makes known to the search whoever it does not know as he is: everybody from before there was one, and nobody else as
/// long as each change is made known in its own transaction. From the newest to the oldest, because then the oldest
/// tells whether it is done; what was done stays done when it is interrupted. Before them come the indexes that a killed
/// import has set aside.
///
/// # Errors
/// Of the database.
pub async fn index(app: &App) -> Result<()> {
    aside::bring_back(&app.db).await?;
    let mut below = UserId::from_uuid(uuid::Uuid::max());
    loop {
        let (unknown, last) = super::unknown(&mut app.db.read(), below, LOOKED_AT).await?;
        for ids in unknown.chunks(MADE_KNOWN) {
            app.db
                .write(async |tx| {
                    for id in ids {
                        super::make_known(tx, *id).await?;
                    }
                    Ok(())
                })
                .await?;
        }
        match last {
            Some(last) => below = last,
            None => return Ok(()),
        }
    }
}
