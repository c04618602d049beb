package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"sort"
	"sync"
	"syscall"
	"time"
)

// Volumes and snapshots on disk: STATE/volumes/ID and STATE/snapshots/ID, each with `record.json` and the folder
// `content`. What is being made or removed lies in STATE/unfinished until it is whole, or gone: a killed driver leaves
// neither half a volume nor half a snapshot.
type store struct {
	root string
	// Held by whoever changes a volume or snapshot, by id.
	locks sync.Map
}

type volume struct {
	ID   string
	Name string
	// Its size, which nothing enforces.
	Bytes int64
	// The snapshot or volume it was made from.
	Source     string
	Parameters map[string]string
}

type snapshot struct {
	ID   string
	Name string
	// The volume it was cut from, which may be gone.
	Volume     string
	Bytes      int64
	Created    time.Time
	Parameters map[string]string
}

const (
	volumes    = "volumes"
	snapshots  = "snapshots"
	unfinished = "unfinished"
)

var errNotFound = errors.New("not found")

// Ids become paths: nothing else may pass.
var idPattern = regexp.MustCompile(`^(volume|snapshot)-[0-9a-f]{32}$`)

func openStore(root string) (*store, error) {
	if err := os.RemoveAll(filepath.Join(root, unfinished)); err != nil {
		return nil, err
	}
	for _, folder := range []string{volumes, snapshots, unfinished} {
		if err := os.MkdirAll(filepath.Join(root, folder), 0o700); err != nil {
			return nil, err
		}
	}
	return &store{root: root}, nil
}

// The id of what is called `name`: always the same, so that a repeated call finds what the first one made.
func idOf(kind, name string) string {
	sum := sha256.Sum256([]byte(name))
	return kind + "-" + hex.EncodeToString(sum[:16])
}

// Waits until nobody else changes what has this id; the caller calls what it gets.
func (store *store) lock(id string) func() {
	mutex, _ := store.locks.LoadOrStore(id, &sync.Mutex{})
	mutex.(*sync.Mutex).Lock()
	return mutex.(*sync.Mutex).Unlock
}

func (store *store) content(kind, id string) string {
	return filepath.Join(store.root, kind, id, "content")
}

func (store *store) volume(id string) (*volume, error) {
	return read[volume](store, volumes, id)
}

func (store *store) snapshot(id string) (*snapshot, error) {
	return read[snapshot](store, snapshots, id)
}

// All snapshots in the order of their ids.
func (store *store) allSnapshots() ([]*snapshot, error) {
	entries, err := os.ReadDir(filepath.Join(store.root, snapshots))
	if err != nil {
		return nil, err
	}
	var all []*snapshot
	for _, entry := range entries {
		one, err := store.snapshot(entry.Name())
		if errors.Is(err, errNotFound) {
			// Removed meanwhile.
			continue
		}
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	sort.Slice(all, func(a, b int) bool { return all[a].ID < all[b].ID })
	return all, nil
}

func read[T any](store *store, kind, id string) (*T, error) {
	if !idPattern.MatchString(id) {
		return nil, errNotFound
	}
	text, err := os.ReadFile(filepath.Join(store.root, kind, id, "record.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errNotFound
	}
	if err != nil {
		return nil, err
	}
	record := new(T)
	return record, json.Unmarshal(text, record)
}

// Makes a volume or snapshot with the files of `from`, a folder; empty without.
func (store *store) create(ctx context.Context, kind, id string, record any, from string) error {
	place := filepath.Join(store.root, unfinished, id)
	if err := os.RemoveAll(place); err != nil {
		return err
	}
	content := filepath.Join(place, "content")
	if err := os.MkdirAll(content, 0o755); err != nil {
		return err
	}
	if from != "" {
		if err := copyFiles(ctx, from, content); err != nil {
			_ = os.RemoveAll(place)
			return err
		}
	}
	if err := writeRecord(place, record); err != nil {
		return err
	}
	return os.Rename(place, filepath.Join(store.root, kind, id))
}

func (store *store) update(kind, id string, record any) error {
	return writeRecord(filepath.Join(store.root, kind, id), record)
}

// Removes a volume or snapshot. None of that id is no error.
func (store *store) remove(kind, id string) error {
	if !idPattern.MatchString(id) {
		return nil
	}
	place := filepath.Join(store.root, unfinished, id)
	if err := os.RemoveAll(place); err != nil {
		return err
	}
	err := os.Rename(filepath.Join(store.root, kind, id), place)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return os.RemoveAll(place)
}

func writeRecord(folder string, record any) error {
	text, err := json.Marshal(record)
	if err != nil {
		return err
	}
	path := filepath.Join(folder, "record.json")
	if err := os.WriteFile(path+".new", text, 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

// Owners, modes, times, links, holes and extended attributes come along; `cp` knows them all.
func copyFiles(ctx context.Context, from, to string) error {
	command := exec.CommandContext(ctx, "cp", "--archive", "--reflink=auto", "--", from+"/.", to)
	var said bytes.Buffer
	command.Stderr = &said
	if err := command.Run(); err != nil {
		return fmt.Errorf("cannot copy the files: %w: %s", err, bytes.TrimSpace(said.Bytes()))
	}
	return nil
}

// What the files below a folder really take on disk, and how many there are. Those that vanish meanwhile do not count.
func use(folder string) (taken, files int64, err error) {
	seen := map[uint64]bool{}
	err = filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		stat, known := info.Sys().(*syscall.Stat_t)
		if known && !seen[stat.Ino] {
			// A file with several names is one file.
			seen[stat.Ino] = true
			taken += stat.Blocks * 512
			files++
		}
		return nil
	})
	return taken, files, err
}
