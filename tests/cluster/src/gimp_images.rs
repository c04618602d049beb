//! Stand-ins for the images of GIMP's platform, which read what the real images read and end without it.

use anyhow::Result;

use crate::images::Image;

/// Streams an application: a page in place of WebRTC, and one in place of VNC. Runs as any user.
const DESKTOP: &str = r#"#!/bin/sh
set -e
: "${DISPLAY:?}" "${USER_ID:?}"
touch /home/user/.opened /tmp/.opened
/bin/busybox httpd -h /www -p 5901
/bin/busybox httpd -f -v -h /www -p 6901 &
trap 'exit 0' TERM INT
wait
"#;

/// Mounts the cloud storage: here, writes a file into the folder.
const RCLONE: &str = r#"#!/bin/sh
set -e
test "$*" = "mount remote: /data/cloud --allow-other --vfs-cache-mode writes"
test "$(id -u)" = 0
grep -qx '\[remote\]' "$RCLONE_CONFIG"
mkdir -p "$RCLONE_CACHE_DIR/vfsMeta/remote"
echo from the cloud > /data/cloud/file
trap 'exit 0' TERM INT
while :; do sleep 3600 & wait; done
"#;

/// Returns the stand-ins.
///
/// # Errors
/// When busybox is missing or a file cannot be read.
pub(crate) fn all() -> Result<Vec<Image>> {
    let desktop = Image::busybox("localhost/gimp:1")?
        .also("localhost/blender:1")
        .folder("/www", 0o755)
        .file("/www/index.html", 0o644, "ok\n")
        .file("/www/health", 0o644, "ok\n")
        .file("/start", 0o755, DESKTOP)
        .entrypoint(["/start"]);
    let rclone = Image::busybox("localhost/rclone:1")?.file("/usr/bin/rclone", 0o755, RCLONE);
    Ok(vec![desktop, rclone])
}
