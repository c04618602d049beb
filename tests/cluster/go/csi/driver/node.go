package main

import (
	"context"
	"errors"
	"os"
	"strings"
	"syscall"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

type nodeService struct {
	csi.UnimplementedNodeServer
	store  *store
	faults *faults
	node   string
}

func (service *nodeService) NodeGetInfo(context.Context, *csi.NodeGetInfoRequest) (*csi.NodeGetInfoResponse, error) {
	return &csi.NodeGetInfoResponse{NodeId: service.node}, nil
}

func (*nodeService) NodeGetCapabilities(context.Context, *csi.NodeGetCapabilitiesRequest) (*csi.NodeGetCapabilitiesResponse, error) {
	answer := &csi.NodeGetCapabilitiesResponse{}
	for _, kind := range []csi.NodeServiceCapability_RPC_Type{
		csi.NodeServiceCapability_RPC_EXPAND_VOLUME,
		csi.NodeServiceCapability_RPC_GET_VOLUME_STATS,
		csi.NodeServiceCapability_RPC_SINGLE_NODE_MULTI_WRITER,
	} {
		answer.Capabilities = append(answer.Capabilities, &csi.NodeServiceCapability{
			Type: &csi.NodeServiceCapability_Rpc{Rpc: &csi.NodeServiceCapability_RPC{Type: kind}},
		})
	}
	return answer, nil
}

func (service *nodeService) NodePublishVolume(ctx context.Context, request *csi.NodePublishVolumeRequest) (*csi.NodePublishVolumeResponse, error) {
	if request.VolumeId == "" || request.TargetPath == "" || request.VolumeCapability == nil {
		return nil, status.Error(codes.InvalidArgument, "a volume id, a target path and a capability are needed")
	}
	if err := checkCapabilities([]*csi.VolumeCapability{request.VolumeCapability}); err != nil {
		return nil, err
	}
	found, err := service.store.volume(request.VolumeId)
	if err != nil {
		return nil, missing("volume", request.VolumeId, err)
	}
	if err := service.faults.apply(ctx, opPublish, request.VolumeId+" "+request.TargetPath, found.Parameters); err != nil {
		return nil, err
	}
	defer service.store.lock(request.VolumeId)()
	if _, err := service.store.volume(request.VolumeId); err != nil {
		return nil, missing("volume", request.VolumeId, err)
	}
	if err := service.checkSingle(request); err != nil {
		return nil, err
	}
	if err := publish(service.store.content(volumes, request.VolumeId), request.TargetPath, request.Readonly); err != nil {
		return nil, internal(err)
	}
	return &csi.NodePublishVolumeResponse{}, nil
}

// ReadWriteOncePod: not in a second place.
func (service *nodeService) checkSingle(request *csi.NodePublishVolumeRequest) error {
	if request.VolumeCapability.GetAccessMode().GetMode() != csi.VolumeCapability_AccessMode_SINGLE_NODE_SINGLE_WRITER {
		return nil
	}
	place, err := mountOf(service.store.content(volumes, request.VolumeId))
	if err != nil {
		return internal(err)
	}
	if place != "" && place != request.TargetPath {
		return status.Errorf(codes.FailedPrecondition, "volume %s is for one user alone, and in use at %s", request.VolumeId, place)
	}
	return nil
}

func publish(content, target string, readOnly bool) error {
	mounted, err := isMounted(target)
	if err != nil || mounted {
		return err
	}
	if err := os.MkdirAll(target, 0o750); err != nil {
		return err
	}
	if err := syscall.Mount(content, target, "", syscall.MS_BIND, ""); err != nil {
		return &os.PathError{Op: "mount", Path: target, Err: err}
	}
	if !readOnly {
		return nil
	}
	// The kernel ignores the flag in the call that binds.
	if err := syscall.Mount("", target, "", syscall.MS_BIND|syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
		_ = syscall.Unmount(target, 0)
		return &os.PathError{Op: "remount", Path: target, Err: err}
	}
	return nil
}

func (service *nodeService) NodeUnpublishVolume(_ context.Context, request *csi.NodeUnpublishVolumeRequest) (*csi.NodeUnpublishVolumeResponse, error) {
	if request.VolumeId == "" || request.TargetPath == "" {
		return nil, status.Error(codes.InvalidArgument, "a volume id and a target path are needed")
	}
	defer service.store.lock(request.VolumeId)()
	mounted, err := isMounted(request.TargetPath)
	if err != nil {
		return nil, internal(err)
	}
	if mounted {
		if err := syscall.Unmount(request.TargetPath, 0); err != nil {
			return nil, internal(&os.PathError{Op: "unmount", Path: request.TargetPath, Err: err})
		}
	}
	// Only the empty folder: should something still be mounted there, its files live on.
	if err := os.Remove(request.TargetPath); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, internal(err)
	}
	return &csi.NodeUnpublishVolumeResponse{}, nil
}

// The size is the recorded one, the use is what the files take.
func (service *nodeService) NodeGetVolumeStats(_ context.Context, request *csi.NodeGetVolumeStatsRequest) (*csi.NodeGetVolumeStatsResponse, error) {
	found, err := service.published(request.VolumeId, request.VolumePath)
	if err != nil {
		return nil, err
	}
	taken, files, err := use(service.store.content(volumes, found.ID))
	if err != nil {
		return nil, internal(err)
	}
	var system syscall.Statfs_t
	if err := syscall.Statfs(request.VolumePath, &system); err != nil {
		return nil, internal(err)
	}
	return &csi.NodeGetVolumeStatsResponse{Usage: []*csi.VolumeUsage{
		{Unit: csi.VolumeUsage_BYTES, Total: found.Bytes, Used: taken, Available: max(0, found.Bytes-taken)},
		{Unit: csi.VolumeUsage_INODES, Total: int64(system.Files), Used: files, Available: int64(system.Ffree)},
	}}, nil
}

// A folder needs no growing; the call is there so that tests can make it slow or failing.
func (service *nodeService) NodeExpandVolume(ctx context.Context, request *csi.NodeExpandVolumeRequest) (*csi.NodeExpandVolumeResponse, error) {
	found, err := service.published(request.VolumeId, request.VolumePath)
	if err != nil {
		return nil, err
	}
	if err := service.faults.apply(ctx, opNodeExpand, request.VolumeId, found.Parameters); err != nil {
		return nil, err
	}
	return &csi.NodeExpandVolumeResponse{CapacityBytes: found.Bytes}, nil
}

// The volume, if something of it is at the path.
func (service *nodeService) published(id, path string) (*volume, error) {
	if id == "" || path == "" {
		return nil, status.Error(codes.InvalidArgument, "a volume id and a path are needed")
	}
	found, err := service.store.volume(id)
	if err != nil {
		return nil, missing("volume", id, err)
	}
	if mounted, err := isMounted(path); err != nil {
		return nil, internal(err)
	} else if !mounted {
		return nil, status.Errorf(codes.NotFound, "volume %s is not at %s", id, path)
	}
	return found, nil
}

func isMounted(path string) (bool, error) {
	mounts, err := readMounts()
	if err != nil {
		return false, err
	}
	for _, mount := range mounts {
		if mount.at == strings.TrimSuffix(path, "/") {
			return true, nil
		}
	}
	return false, nil
}

// Where a folder is bound to; empty when nowhere.
func mountOf(folder string) (string, error) {
	mounts, err := readMounts()
	if err != nil {
		return "", err
	}
	// The kernel names the folder from the root of its file system, which need not be mounted at "/". The end of the
	// path is enough: it holds the volume's id.
	parts := strings.Split(folder, "/")
	end := "/" + strings.Join(parts[len(parts)-3:], "/")
	for _, mount := range mounts {
		if strings.HasSuffix(mount.root, end) {
			return mount.at, nil
		}
	}
	return "", nil
}

type mount struct{ root, at string }

// The folders we deal in have no blanks in their names, which the kernel would write as \040.
func readMounts() ([]mount, error) {
	text, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil, err
	}
	var all []mount
	for line := range strings.Lines(string(text)) {
		if words := strings.Fields(line); len(words) > 4 {
			all = append(all, mount{root: words[3], at: words[4]})
		}
	}
	return all, nil
}
