package main

import (
	"context"
	"errors"
	"sort"
	"time"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"
)

func (service *controller) CreateSnapshot(ctx context.Context, request *csi.CreateSnapshotRequest) (*csi.CreateSnapshotResponse, error) {
	if request.Name == "" || request.SourceVolumeId == "" {
		return nil, status.Error(codes.InvalidArgument, "a snapshot needs a name and a volume")
	}
	if err := checkParameters(request.Parameters, opSnapshot, opDeleteSnapshot); err != nil {
		return nil, err
	}
	id := idOf("snapshot", request.Name)
	if err := service.snapshotFails(ctx, id, request.Parameters); err != nil {
		return nil, err
	}
	defer service.store.lock(id)()
	if old, err := service.store.snapshot(id); err == nil {
		if old.Volume != request.SourceVolumeId {
			return nil, status.Errorf(codes.AlreadyExists, "a snapshot %q of another volume is there", old.Name)
		}
		return &csi.CreateSnapshotResponse{Snapshot: shown(old)}, nil
	} else if !errors.Is(err, errNotFound) {
		return nil, internal(err)
	}
	defer service.store.lock(request.SourceVolumeId)()
	from, err := service.store.volume(request.SourceVolumeId)
	if err != nil {
		return nil, missing("volume", request.SourceVolumeId, err)
	}
	made := &snapshot{ID: id, Name: request.Name, Volume: from.ID, Bytes: from.Bytes, Created: time.Now(), Parameters: request.Parameters}
	if err := service.store.create(ctx, snapshots, id, made, service.store.content(volumes, from.ID)); err != nil {
		return nil, internal(err)
	}
	return &csi.CreateSnapshotResponse{Snapshot: shown(made)}, nil
}

// Being slow is no failure of a snapshot: it is cut, and not ready for a while, see isReady.
func (service *controller) snapshotFails(ctx context.Context, id string, parameters map[string]string) error {
	what, err := parseFault(parameters[opSnapshot])
	if err != nil || what.code == codes.OK {
		return nil
	}
	return service.faults.apply(ctx, opSnapshot, id, parameters)
}

func (service *controller) DeleteSnapshot(ctx context.Context, request *csi.DeleteSnapshotRequest) (*csi.DeleteSnapshotResponse, error) {
	if request.SnapshotId == "" {
		return nil, status.Error(codes.InvalidArgument, "a snapshot id is missing")
	}
	found, err := service.store.snapshot(request.SnapshotId)
	if errors.Is(err, errNotFound) {
		return &csi.DeleteSnapshotResponse{}, nil
	}
	if err != nil {
		return nil, internal(err)
	}
	if err := service.faults.apply(ctx, opDeleteSnapshot, request.SnapshotId, found.Parameters); err != nil {
		return nil, err
	}
	defer service.store.lock(request.SnapshotId)()
	if err := service.store.remove(snapshots, request.SnapshotId); err != nil {
		return nil, internal(err)
	}
	return &csi.DeleteSnapshotResponse{}, nil
}

// A page's token is the id of its first snapshot: one that is deleted meanwhile loses nobody's place.
func (service *controller) ListSnapshots(_ context.Context, request *csi.ListSnapshotsRequest) (*csi.ListSnapshotsResponse, error) {
	if request.StartingToken != "" && !idPattern.MatchString(request.StartingToken) {
		return nil, status.Errorf(codes.Aborted, "%q is no token of ours", request.StartingToken)
	}
	all, err := service.store.allSnapshots()
	if err != nil {
		return nil, internal(err)
	}
	start := sort.Search(len(all), func(at int) bool { return all[at].ID >= request.StartingToken })
	answer := &csi.ListSnapshotsResponse{}
	for _, one := range all[start:] {
		if request.SnapshotId != "" && one.ID != request.SnapshotId ||
			request.SourceVolumeId != "" && one.Volume != request.SourceVolumeId {
			continue
		}
		if request.MaxEntries > 0 && len(answer.Entries) == int(request.MaxEntries) {
			answer.NextToken = one.ID
			break
		}
		answer.Entries = append(answer.Entries, &csi.ListSnapshotsResponse_Entry{Snapshot: shown(one)})
	}
	return answer, nil
}

func shown(one *snapshot) *csi.Snapshot {
	return &csi.Snapshot{
		SnapshotId:     one.ID,
		SourceVolumeId: one.Volume,
		SizeBytes:      one.Bytes,
		CreationTime:   timestamppb.New(one.Created),
		ReadyToUse:     isReady(one),
	}
}
