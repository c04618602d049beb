//! Stand-ins for the images of the template `preview`: a web server that asks the API, which asks the database, which counts in
//! its volume. Each reads the variables that the real image reads, and ends when one is missing.
//!
//! The cluster has no DNS: a Service's name is looked up in the variables that the kubelet sets.

use anyhow::Result;

use crate::images::Image;

/// Serves the database: `rows?PASSWORD` adds a row and returns their number.
const DATABASE: &str = r#"#!/bin/sh
set -e
: "${POSTGRES_USER:?}" "${POSTGRES_PASSWORD:?}" "${POSTGRES_DB:?}" "${PGDATA:?}"
test "$(id -u)" = 70
mkdir -p "$PGDATA"
printf %s "$POSTGRES_PASSWORD" > /tmp/password
echo ready > /var/run/postgresql/state
/bin/busybox httpd -f -v -h /www -p 5432 &
trap 'exit 0' TERM INT
wait
"#;
const DATABASE_ROWS: &str = r#"#!/bin/sh
printf 'Content-Type: text/plain\r\n\r\n'
test "$QUERY_STRING" = "$(cat /tmp/password)" || { echo denied; exit; }
rows=/var/lib/postgresql/data/pgdata/rows
echo row >> $rows
echo "$(wc -l < $rows) rows"
"#;
const PG_ISREADY: &str = r#"#!/bin/sh
test "$1 $2" = "-U disney_app" || exit 2
wget -q -O /dev/null http://127.0.0.1:5432/ready || exit 1
echo "/var/run/postgresql:5432 - accepting connections"
"#;
const PSQL: &str = r#"#!/bin/sh
test "$*" = "-U disney_app -d disney_ai_plus -c CHECKPOINT" || { echo "psql $*"; exit; }
echo checkpoint >> "$PGDATA/log"
"#;

/// Serves the API.
const API: &str = r#"#!/bin/sh
set -e
: "${NODE_ENV:?}" "${JWT_SECRET:?}" "${SUPABASE_URL:?}" "${SUPABASE_ANON_KEY:?}" "${LOG_LEVEL:?}"
test "$PORT" = 3001
test "$API_LATENCY_THRESHOLD_MS $MAX_CONCURRENT_USERS" = "200 5000"
rest=${DATABASE_URL#postgresql://disney_app:}
test "${rest#*@}" = db:5432/disney_ai_plus
echo "http://${DB_SERVICE_HOST:-db}:${DB_SERVICE_PORT:-5432}/cgi-bin/rows?${rest%@*}" > /tmp/behind
echo "api listens on $PORT"
/bin/busybox httpd -f -v -h /www -p "$PORT" &
trap 'exit 0' TERM INT
wait
"#;

/// Serves the pages.
const WEB: &str = r#"#!/bin/sh
set -e
: "${NODE_ENV:?}" "${NEXT_PUBLIC_SUPABASE_URL:?}" "${NEXT_PUBLIC_SUPABASE_ANON_KEY:?}"
test "$PORT $API_URL" = "3000 http://api:80"
touch /app/.next/cache/used
echo "http://${API_SERVICE_HOST:-api}:${API_SERVICE_PORT:-80}/cgi-bin/rows" > /tmp/behind
echo "web listens on $PORT"
/bin/busybox httpd -f -v -h /www -p "$PORT" &
trap 'exit 0' TERM INT
wait
"#;

/// Asks what is behind, and passes the answer on.
const PASS_ON: &str = r#"#!/bin/sh
printf 'Content-Type: text/plain\r\n\r\n'
wget -q -O - "$(cat /tmp/behind)"
"#;

const EXPORTER: &str = r#"#!/bin/sh
set -e
: "${DATA_SOURCE_NAME:?}"
/bin/busybox httpd -f -v -h /www -p 9187 &
trap 'exit 0' TERM INT
wait
"#;

/// Returns the stand-ins.
///
/// # Errors
/// When busybox is missing.
pub(crate) fn all() -> Result<Vec<Image>> {
    let page = |name: &str, start: &str, rows: &str| -> Result<Image> {
        let image = Image::busybox(name)?
            .file("/start", 0o755, start)
            .file("/www/cgi-bin/rows", 0o755, rows)
            .file("/www/api/health", 0o644, "ok\n")
            .entrypoint(["/start"]);
        let files = ["index.html", "health", "ready", "metrics"];
        Ok(files.iter().fold(image, |image, file| {
            image.file(&format!("/www/{file}"), 0o644, "ok\n")
        }))
    };
    Ok(vec![
        page("localhost/preview-web:1", WEB, PASS_ON)?.folder("/app/.next/cache", 0o777),
        page("localhost/preview-api:1", API, PASS_ON)?,
        page("localhost/preview-db:1", DATABASE, DATABASE_ROWS)?
            .folder("/var/run/postgresql", 0o777)
            .file("/usr/bin/pg_isready", 0o755, PG_ISREADY)
            .file("/usr/bin/psql", 0o755, PSQL),
        page("localhost/preview-exporter:1", EXPORTER, PASS_ON)?,
    ])
}
