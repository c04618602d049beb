package main

import (
	"context"
	"errors"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

const (
	mebibyte = 1 << 20
	// What a volume gets whose claim names no size.
	defaultBytes = 1 << 30
)

type controller struct {
	csi.UnimplementedControllerServer
	store  *store
	faults *faults
}

func (*controller) ControllerGetCapabilities(context.Context, *csi.ControllerGetCapabilitiesRequest) (*csi.ControllerGetCapabilitiesResponse, error) {
	answer := &csi.ControllerGetCapabilitiesResponse{}
	for _, kind := range []csi.ControllerServiceCapability_RPC_Type{
		csi.ControllerServiceCapability_RPC_CREATE_DELETE_VOLUME,
		csi.ControllerServiceCapability_RPC_CLONE_VOLUME,
		csi.ControllerServiceCapability_RPC_EXPAND_VOLUME,
		csi.ControllerServiceCapability_RPC_CREATE_DELETE_SNAPSHOT,
		csi.ControllerServiceCapability_RPC_LIST_SNAPSHOTS,
		csi.ControllerServiceCapability_RPC_SINGLE_NODE_MULTI_WRITER,
	} {
		answer.Capabilities = append(answer.Capabilities, &csi.ControllerServiceCapability{
			Type: &csi.ControllerServiceCapability_Rpc{Rpc: &csi.ControllerServiceCapability_RPC{Type: kind}},
		})
	}
	return answer, nil
}

func (service *controller) CreateVolume(ctx context.Context, request *csi.CreateVolumeRequest) (*csi.CreateVolumeResponse, error) {
	if request.Name == "" {
		return nil, status.Error(codes.InvalidArgument, "a volume needs a name")
	}
	if err := checkCapabilities(request.VolumeCapabilities); err != nil {
		return nil, err
	}
	if err := checkParameters(request.Parameters, opCreate, opDelete, opPublish, opExpand, opNodeExpand); err != nil {
		return nil, err
	}
	size, err := sizeWithin(request.CapacityRange)
	if err != nil {
		return nil, err
	}
	id := idOf("volume", request.Name)
	if err := service.faults.apply(ctx, opCreate, id, request.Parameters); err != nil {
		return nil, err
	}
	defer service.store.lock(id)()
	if old, err := service.store.volume(id); err == nil {
		return existing(old, request)
	} else if !errors.Is(err, errNotFound) {
		return nil, internal(err)
	}
	made := &volume{ID: id, Name: request.Name, Bytes: size, Source: sourceID(request.VolumeContentSource), Parameters: request.Parameters}
	from, release, err := service.source(request.VolumeContentSource, made, request.CapacityRange.GetRequiredBytes() > 0)
	if err != nil {
		return nil, err
	}
	defer release()
	if limit := request.CapacityRange.GetLimitBytes(); limit > 0 && made.Bytes > limit {
		return nil, status.Errorf(codes.OutOfRange, "the source has %d bytes, more than the limit of %d", made.Bytes, limit)
	}
	if err := service.store.create(ctx, volumes, id, made, from); err != nil {
		return nil, internal(err)
	}
	return &csi.CreateVolumeResponse{Volume: described(made, request.VolumeContentSource)}, nil
}

// A repeated call gets what the first one made, if it asks for the same.
func existing(old *volume, request *csi.CreateVolumeRequest) (*csi.CreateVolumeResponse, error) {
	asked := request.CapacityRange
	if old.Bytes < asked.GetRequiredBytes() || asked.GetLimitBytes() > 0 && old.Bytes > asked.GetLimitBytes() {
		return nil, status.Errorf(codes.AlreadyExists, "a volume %q of %d bytes is there", old.Name, old.Bytes)
	}
	if old.Source != sourceID(request.VolumeContentSource) {
		return nil, status.Errorf(codes.AlreadyExists, "a volume %q from another source is there", old.Name)
	}
	return &csi.CreateVolumeResponse{Volume: described(old, request.VolumeContentSource)}, nil
}

func described(one *volume, source *csi.VolumeContentSource) *csi.Volume {
	return &csi.Volume{VolumeId: one.ID, CapacityBytes: one.Bytes, ContentSource: source}
}

func sourceID(source *csi.VolumeContentSource) string {
	if source.GetSnapshot() != nil {
		return source.GetSnapshot().SnapshotId
	}
	return source.GetVolume().GetVolumeId()
}

// The folder to copy from, empty for none, and what lets others change it again. Without a size in the request the new
// volume is at least as large as its source.
func (service *controller) source(source *csi.VolumeContentSource, made *volume, sized bool) (string, func(), error) {
	if source == nil {
		return "", func() {}, nil
	}
	id := sourceID(source)
	kind := volumes
	var bytes int64
	release := service.store.lock(id)
	if source.GetSnapshot() != nil {
		kind = snapshots
		found, err := service.store.snapshot(id)
		if err != nil {
			release()
			return "", nil, missing("snapshot", id, err)
		}
		if !isReady(found) {
			release()
			return "", nil, status.Errorf(codes.Unavailable, "snapshot %s is not ready yet", id)
		}
		bytes = found.Bytes
	} else {
		found, err := service.store.volume(id)
		if err != nil {
			release()
			return "", nil, missing("volume", id, err)
		}
		bytes = found.Bytes
	}
	if !sized {
		made.Bytes = max(made.Bytes, bytes)
	}
	if made.Bytes < bytes {
		release()
		return "", nil, status.Errorf(codes.OutOfRange, "%d bytes are asked for, but the source has %d", made.Bytes, bytes)
	}
	return service.store.content(kind, id), release, nil
}

func (service *controller) DeleteVolume(ctx context.Context, request *csi.DeleteVolumeRequest) (*csi.DeleteVolumeResponse, error) {
	if request.VolumeId == "" {
		return nil, status.Error(codes.InvalidArgument, "a volume id is missing")
	}
	found, err := service.store.volume(request.VolumeId)
	if errors.Is(err, errNotFound) {
		return &csi.DeleteVolumeResponse{}, nil
	}
	if err != nil {
		return nil, internal(err)
	}
	if err := service.faults.apply(ctx, opDelete, request.VolumeId, found.Parameters); err != nil {
		return nil, err
	}
	defer service.store.lock(request.VolumeId)()
	// Else the files would vanish under a Pod that still has them.
	place, err := mountOf(service.store.content(volumes, request.VolumeId))
	if err != nil {
		return nil, internal(err)
	}
	if place != "" {
		return nil, status.Errorf(codes.FailedPrecondition, "volume %s is in use at %s", request.VolumeId, place)
	}
	if err := service.store.remove(volumes, request.VolumeId); err != nil {
		return nil, internal(err)
	}
	return &csi.DeleteVolumeResponse{}, nil
}

func (service *controller) ValidateVolumeCapabilities(_ context.Context, request *csi.ValidateVolumeCapabilitiesRequest) (*csi.ValidateVolumeCapabilitiesResponse, error) {
	if request.VolumeId == "" || len(request.VolumeCapabilities) == 0 {
		return nil, status.Error(codes.InvalidArgument, "a volume id and capabilities are needed")
	}
	if _, err := service.store.volume(request.VolumeId); err != nil {
		return nil, missing("volume", request.VolumeId, err)
	}
	if err := checkCapabilities(request.VolumeCapabilities); err != nil {
		return &csi.ValidateVolumeCapabilitiesResponse{Message: status.Convert(err).Message()}, nil
	}
	return &csi.ValidateVolumeCapabilitiesResponse{Confirmed: &csi.ValidateVolumeCapabilitiesResponse_Confirmed{
		VolumeContext:      request.VolumeContext,
		VolumeCapabilities: request.VolumeCapabilities,
		Parameters:         request.Parameters,
	}}, nil
}

func (service *controller) ControllerExpandVolume(ctx context.Context, request *csi.ControllerExpandVolumeRequest) (*csi.ControllerExpandVolumeResponse, error) {
	if request.VolumeId == "" || request.CapacityRange == nil {
		return nil, status.Error(codes.InvalidArgument, "a volume id and a capacity are needed")
	}
	found, err := service.store.volume(request.VolumeId)
	if err != nil {
		return nil, missing("volume", request.VolumeId, err)
	}
	size, err := sizeWithin(request.CapacityRange)
	if err != nil {
		return nil, err
	}
	if err := service.faults.apply(ctx, opExpand, request.VolumeId, found.Parameters); err != nil {
		return nil, err
	}
	defer service.store.lock(request.VolumeId)()
	if found, err = service.store.volume(request.VolumeId); err != nil {
		return nil, missing("volume", request.VolumeId, err)
	}
	if size > found.Bytes {
		found.Bytes = size
		if err := service.store.update(volumes, found.ID, found); err != nil {
			return nil, internal(err)
		}
	}
	// As with a block device, whose file system the node has to grow: so the tests see both steps.
	return &csi.ControllerExpandVolumeResponse{CapacityBytes: found.Bytes, NodeExpansionRequired: true}, nil
}

// Folders have no blocks, and there is but one node, so that all ways to share a volume are the same.
func checkCapabilities(capabilities []*csi.VolumeCapability) error {
	if len(capabilities) == 0 {
		return status.Error(codes.InvalidArgument, "a volume needs capabilities")
	}
	for _, capability := range capabilities {
		if capability.GetMount() == nil {
			return status.Error(codes.InvalidArgument, "only mounted volumes are possible, no block devices")
		}
		if capability.GetAccessMode().GetMode() == csi.VolumeCapability_AccessMode_UNKNOWN {
			return status.Error(codes.InvalidArgument, "an access mode is missing")
		}
	}
	return nil
}

// The size to make: what is required, in whole mebibytes; without, 1 GiB or what the limit leaves.
func sizeWithin(asked *csi.CapacityRange) (int64, error) {
	required, limit := asked.GetRequiredBytes(), asked.GetLimitBytes()
	if required < 0 || limit < 0 || limit > 0 && required > limit {
		return 0, status.Errorf(codes.OutOfRange, "no size lies between %d and %d bytes", required, limit)
	}
	size := required
	if size == 0 {
		size = defaultBytes
	}
	size = (size + mebibyte - 1) / mebibyte * mebibyte
	if limit > 0 && size > limit {
		size = limit
	}
	return size, nil
}

func missing(kind, id string, err error) error {
	if errors.Is(err, errNotFound) {
		return status.Errorf(codes.NotFound, "there is no %s %q", kind, id)
	}
	return internal(err)
}

func internal(err error) error {
	return status.Error(codes.Internal, err.Error())
}
