//! Stand-ins for the images of the template `lab`. Each reads the variables and files that the real image reads, and ends as that
//! one does when one is missing.

use std::path::Path;

use anyhow::Result;

use crate::images::Image;

/// Fetches the root file system: here, a line of text.
const INIT: &str = r#"#!/bin/sh
set -e
: "${IMAGE_DOWNLOAD_URL:?}" "${IMAGE_SIZE:?}" "${IMAGE_PATH:?}"
echo "$IMAGE_SIZE of $IMAGE_DOWNLOAD_URL" > "$IMAGE_PATH"
"#;

/// Starts the VM: here, an SSH server in its place.
const VM: &str = r#"#!/bin/sh
set -e
: "${SESSION_ID:?}" "${ROOTFS_PATH:?}" "${KERNEL_PATH:?}" "${CPU_COUNT:?}" "${MEMORY:?}"
: "${GATEWAY_IP:?}" "${VM_IP:?}" "${TAP_DEVICE_NAME:?}"
test -s "$ROOTFS_PATH"
test -s "$KERNEL_PATH"
for line in "GATEWAY_IP=$GATEWAY_IP" "VM_IP=$VM_IP" "TAP_DEVICE=$TAP_DEVICE_NAME"; do
  grep -qx "$line" /shared/network-config
done
grep -qE '^POD_IP=[0-9a-f.:]+$' /shared/network-config
touch /vm-data/started
exec /start-ssh
"#;

/// Serves the terminal.
const TERMINAL: &str = r#"#!/bin/sh
set -e
: "${SESSION_ID:?}" "${VM_IP:?}" "${VM_SSH_PORT:?}"
test -s /shared/network-config
test -d /vm-data
/bin/busybox httpd -f -v -h /www -p 8081 &
trap 'exit 0' TERM INT
wait
"#;

/// Serves the editor, with code-server's name and arguments.
const EDITOR: &str = r#"#!/bin/sh
set -e
: "${SESSION_ID:?}" "${PASSWORD:?}" "${DOCKER_HOST:?}"
test "$*" = "--bind-addr 0.0.0.0:8080 --auth password /workspace"
test "$(id -u)" = 1000
touch /workspace/opened /home/coder/opened
/bin/busybox httpd -f -v -h /www -p 8080 &
trap 'exit 0' TERM INT
wait
"#;

const NAMES: [&str; 3] = [
    "localhost/lab-init:1",
    "localhost/lab-terminal:1",
    "localhost/lab-editor:1",
];

/// Returns the stand-ins that need no SSH server.
///
/// # Errors
/// When busybox is missing or a file cannot be read.
pub(crate) fn all() -> Result<Vec<Image>> {
    let [init, terminal, editor] = NAMES;
    Ok(vec![
        Image::busybox(init)?
            .file("/start", 0o755, INIT)
            .entrypoint(["/start"]),
        page(terminal)?
            .file("/start", 0o755, TERMINAL)
            .entrypoint(["/start"]),
        page(editor)?
            .folder_of("/home/coder", 0o755, 1000)
            .file("/usr/bin/code-server", 0o755, EDITOR)
            .entrypoint(["/usr/bin/code-server"]),
    ])
}

/// Returns the stand-in for the VM, made of an image with an SSH server.
pub(crate) fn vm(ssh_server: Image) -> Image {
    ssh_server
        .folder("/find", 0o755)
        .file("/find/vmlinux.bin", 0o644, "a kernel\n")
        .file("/start", 0o755, VM)
        .entrypoint(["/start"])
}

/// Returns an image with the files that probes ask for.
fn page(name: &str) -> Result<Image> {
    let image = Image::busybox(name)?.folder("/www", 0o755);
    let files = ["index.html", "health", "healthz", "ready"];
    Ok(files.iter().fold(image, |image, file| {
        let path = Path::new("/www").join(file);
        image.file(&path.to_string_lossy(), 0o644, "ok\n")
    }))
}
