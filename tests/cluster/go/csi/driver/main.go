// A CSI driver whose volumes are folders, for the test cluster only.
//
// It does what a driver of a real storage does: dynamic volumes, growing them, snapshots, new volumes from a snapshot or
// from another volume, and what a volume's files take. Parameters of the classes make it slow or failing, see faults.go.
//
// It cannot hold a volume to its size: a folder has none. Sizes are recorded and checked against each other, the use it
// reports is what the files really take, and a volume that is too full reports nothing available instead of failing writes.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc"
	"google.golang.org/grpc/status"
	registration "k8s.io/kubelet/pkg/apis/pluginregistration/v1"
)

// The driver's name, which StorageClasses call their provisioner.
const driverName = "folders.csi.streaming.platform"

func main() {
	state := flag.String("state", "", "folder of volumes and snapshots")
	endpoint := flag.String("endpoint", "", "path of the CSI socket")
	registrar := flag.String("registration", "", "path of the socket at which the kubelet learns of the driver; none without it")
	node := flag.String("node", "localhost", "name of the node")
	flag.Parse()
	if *state == "" || *endpoint == "" || flag.NArg() > 0 {
		fmt.Fprintln(os.Stderr, "usage: csi-driver -state FOLDER -endpoint SOCKET [-registration SOCKET] [-node NAME]")
		os.Exit(2)
	}
	if err := run(*state, *endpoint, *registrar, *node); err != nil {
		log.Fatalf("error: %v", err)
	}
}

func run(state, endpoint, registrar, node string) error {
	store, err := openStore(state)
	if err != nil {
		return err
	}
	ended := make(chan error, 2)
	driver := grpc.NewServer(grpc.UnaryInterceptor(logged))
	csi.RegisterIdentityServer(driver, &identity{})
	csi.RegisterControllerServer(driver, &controller{store: store, faults: newFaults()})
	csi.RegisterNodeServer(driver, &nodeService{store: store, faults: newFaults(), node: node})
	if err := serve(driver, endpoint, ended); err != nil {
		return err
	}
	if registrar != "" {
		server := grpc.NewServer()
		registration.RegisterRegistrationServer(server, &registrationService{endpoint: endpoint})
		if err := serve(server, registrar, ended); err != nil {
			return err
		}
	}
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	select {
	case err := <-ended:
		return err
	case <-signals:
		// Not gracefully: a call that was told to hang would never end.
		return nil
	}
}

func serve(server *grpc.Server, socket string, ended chan<- error) error {
	if err := os.MkdirAll(filepath.Dir(socket), 0o755); err != nil {
		return err
	}
	// A killed driver leaves its socket behind.
	if err := os.Remove(socket); err != nil && !os.IsNotExist(err) {
		return err
	}
	listener, err := net.Listen("unix", socket)
	if err != nil {
		return err
	}
	go func() { ended <- server.Serve(listener) }()
	return nil
}

// One line per call but those that are repeated for ever.
func logged(ctx context.Context, request any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	begin := time.Now()
	answer, err := handler(ctx, request)
	name := filepath.Base(info.FullMethod)
	if name != "Probe" && name != "NodeGetVolumeStats" && name != "NodeGetCapabilities" {
		log.Printf("%s %s %s: %v", name, subject(request), time.Since(begin).Round(time.Millisecond), status.Convert(err).Code())
		if err != nil {
			log.Printf("%s: %s", name, status.Convert(err).Message())
		}
	}
	return answer, err
}

// What a call is about: the name or id of its volume or snapshot.
func subject(request any) string {
	switch request := request.(type) {
	case interface{ GetSnapshotId() string }:
		return request.GetSnapshotId()
	case interface{ GetVolumeId() string }:
		return request.GetVolumeId()
	case interface{ GetName() string }:
		return request.GetName()
	}
	return "-"
}
