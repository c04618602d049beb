package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// The operations that a class can disturb, by the name of the class's parameter. The first five are parameters of a
// StorageClass, the last two of a VolumeSnapshotClass. They are kept with the volume or snapshot: later operations on it
// carry no parameters.
const (
	opCreate         = "create"
	opDelete         = "delete"
	opPublish        = "publish"
	opExpand         = "expand"
	opNodeExpand     = "nodeExpand"
	opSnapshot       = "snapshot"
	opDeleteSnapshot = "deleteSnapshot"
)

// What a parameter does to its operation on one volume or snapshot:
//
//	fail CODE [MESSAGE]    always fails with a gRPC code, RESOURCE_EXHAUSTED
//	fail N CODE [MESSAGE]  fails N times, then works
//	delay DURATION         works once that long has passed since it was first asked for
//	hang                   never answers; a snapshot is cut, but never becomes ready
//
// A delayed snapshot is cut at once and becomes ready later, as with most storages.
type fault struct {
	code    codes.Code
	message string
	// How often it fails; -1 for ever.
	times int
	delay time.Duration
	hang  bool
}

func parseFault(text string) (fault, error) {
	words := strings.Fields(text)
	switch {
	case len(words) == 1 && words[0] == "hang":
		return fault{hang: true}, nil
	case len(words) == 2 && words[0] == "delay":
		delay, err := time.ParseDuration(words[1])
		return fault{delay: delay}, err
	case len(words) > 1 && words[0] == "fail":
		times := -1
		words = words[1:]
		if number, err := strconv.Atoi(words[0]); err == nil && len(words) > 1 {
			times = number
			words = words[1:]
		}
		var code codes.Code
		if err := code.UnmarshalJSON([]byte(strconv.Quote(words[0]))); err != nil || code == codes.OK {
			return fault{}, fmt.Errorf("%q is no gRPC code of a failure", words[0])
		}
		message := strings.Join(words[1:], " ")
		if message == "" {
			message = "told to fail by a parameter of the class"
		}
		return fault{code: code, message: message, times: times}, nil
	}
	return fault{}, fmt.Errorf("%q is none of: fail [N] CODE [MESSAGE], delay DURATION, hang", text)
}

// Refuses what no operation knows, so that a test with a slip of the pen does not pass by accident.
func checkParameters(parameters map[string]string, operations ...string) error {
	for key, value := range parameters {
		if strings.HasPrefix(key, "csi.storage.k8s.io/") {
			continue
		}
		known := false
		for _, operation := range operations {
			known = known || key == operation
		}
		if !known {
			return status.Errorf(codes.InvalidArgument, "the class's parameter %q is none of %s", key, strings.Join(operations, ", "))
		}
		if _, err := parseFault(value); err != nil {
			return status.Errorf(codes.InvalidArgument, "the class's parameter %q: %v", key, err)
		}
	}
	return nil
}

// What was done so far. A restarted driver begins anew.
type faults struct {
	mutex  sync.Mutex
	failed map[string]int
	began  map[string]time.Time
}

func newFaults() *faults {
	return &faults{failed: map[string]int{}, began: map[string]time.Time{}}
}

// Does to an operation on `id` what the class says. No error when the operation shall go on.
func (all *faults) apply(ctx context.Context, operation, id string, parameters map[string]string) error {
	text, found := parameters[operation]
	if !found {
		return nil
	}
	what, err := parseFault(text)
	if err != nil {
		return status.Error(codes.InvalidArgument, err.Error())
	}
	if what.code != codes.OK {
		if all.shallFail(operation+" "+id, what.times) {
			return status.Error(what.code, what.message)
		}
		return nil
	}
	if what.hang {
		<-ctx.Done()
		return status.FromContextError(ctx.Err()).Err()
	}
	timer := time.NewTimer(time.Until(all.begin(operation + " " + id).Add(what.delay)))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return status.FromContextError(ctx.Err()).Err()
	}
}

func (all *faults) shallFail(key string, times int) bool {
	all.mutex.Lock()
	defer all.mutex.Unlock()
	if times >= 0 && all.failed[key] >= times {
		return false
	}
	all.failed[key]++
	return true
}

// When the operation was first asked for: a caller that gave up and asks again does not wait anew.
func (all *faults) begin(key string) time.Time {
	all.mutex.Lock()
	defer all.mutex.Unlock()
	if _, found := all.began[key]; !found {
		all.began[key] = time.Now()
	}
	return all.began[key]
}

// Whether a snapshot that was cut then is ready now.
func isReady(snapshot *snapshot) bool {
	what, err := parseFault(snapshot.Parameters[opSnapshot])
	if err != nil {
		return true
	}
	return !what.hang && time.Since(snapshot.Created) >= what.delay
}
