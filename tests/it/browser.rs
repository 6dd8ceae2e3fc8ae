//! The pages of the documentation in a real browser, which reaches nothing but the server.

mod driver;

use std::{fs, path::Path};

use denizen::{db::Engine, router};

use self::driver::Browser;
use crate::{
    each_engine,
    kit::{TestApp, client::PASSWORD},
};

/// With `UPDATE_IMAGES`, keeps a picture of the page in `docs/images/`.
#[expect(clippy::disallowed_methods, reason = "UPDATE_IMAGES is for whoever runs the tests, not a setting")]
async fn keep_picture(browser: &Browser, name: &str) {
    if std::env::var_os("UPDATE_IMAGES").is_some() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/images").join(name);
        fs::write(path, browser.picture().await).unwrap();
    }
}

/// Nothing but the server was asked, and nobody complained.
async fn is_quiet(browser: &Browser, app: &TestApp) {
    let own = format!("http://{}/", app.address);
    let asked = browser.asked().await;
    assert!(asked.iter().any(|url| url.starts_with(&own)), "what is asked is seen: {asked:?}");
    let inside = |url: &&String| url.starts_with(&own) || url.starts_with("data:") || url.starts_with("blob:");
    let outside: Vec<_> = asked.iter().filter(|url| !inside(url)).collect();
    assert!(outside.is_empty(), "{outside:?}");
    assert_eq!(browser.complaints().await, [""; 0]);
}

each_engine! {
    async fn swagger_ui_signs_in_and_calls_a_route(app) {
        app.register("ann").await;
        let browser = Browser::start().await;
        browser.open(&format!("http://{}/docs", app.address)).await;
        browser.click("document.querySelector('.scheme-container .btn.authorize')").await;
        browser.type_into("document.querySelector('#oauth_username')", "ann@example.com").await;
        browser.type_into("document.querySelector('#oauth_password')", PASSWORD).await;
        let form = "document.querySelector('#oauth_username, .auth-container:has(.scopes) .auth-btn-wrapper')";
        let button = |label: &str| {
            format!("[...document.querySelectorAll('.auth-container button')].findLast(button => button.innerText === '{label}')")
        };
        browser.wait_for(form).await;
        browser.click(&button("Authorize")).await;
        browser.wait_for(&button("Logout")).await;
        browser.click("document.querySelector('.modal-ux .btn-done')").await;

        let operation = "document.querySelector('#operations-Users-getMe')";
        browser.click(&format!("{operation}?.querySelector('.opblock-summary-control')")).await;
        browser.click(&format!("{operation}?.querySelector('.try-out__btn')")).await;
        browser.click(&format!("{operation}?.querySelector('.execute')")).await;
        let answer = format!("{operation}?.querySelector('.live-responses-table')?.innerText");
        browser.wait_for(&format!("{answer}?.includes('ann@example.com')")).await;
        assert_eq!(browser.run(&format!("return {answer}.includes('200')")).await, true);
        browser.run(&format!("{operation}.scrollIntoView()")).await;
        keep_picture(&browser, "docs.png").await;
        is_quiet(&browser, &app).await;
    }
}

/// Nothing in it comes from a database, so one will do.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redoc_shows_every_operation() {
    let app = TestApp::start(Engine::Sqlite).await;
    let browser = Browser::start().await;
    browser.open(&format!("http://{}/redoc", app.address)).await;
    browser.wait_for("document.querySelector('[id=\"tag/Users/operation/getMe\"] h2')").await;
    let document = router::document("denizen");
    for item in document["paths"].as_object().unwrap().values() {
        for operation in item.as_object().unwrap().values() {
            let (id, summary) = (operation["operationId"].as_str().unwrap(), operation["summary"].as_str().unwrap());
            let shown =
                browser.run(&format!("return document.querySelector('[id$=\"/operation/{id}\"] h2')?.innerText")).await;
            assert_eq!(shown.as_str().map(str::trim), Some(summary), "{id}");
        }
    }
    // The search runs in a worker, and finds by what it knows of the whole document.
    browser.type_into("document.querySelector('[role=search] input')", "preferences").await;
    browser
        .wait_for("document.querySelector('[data-role=\"search:results\"]')?.innerText.includes('My preferences')")
        .await;
    browser.run("document.querySelector('[id=\"tag/Users/operation/putMyPreferences\"]').scrollIntoView()").await;
    keep_picture(&browser, "redoc.png").await;
    is_quiet(&browser, &app).await;
}
