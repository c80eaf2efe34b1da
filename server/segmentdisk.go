package server

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"oneport/hls"
)

// segmentDisk writes segments below a directory, and never anywhere else: os.Root sees to that, whatever names there are.
type segmentDisk struct {
	path    string
	keys    string // where keys go
	cleanup bool   // what is not listed any more is removed
	keep    bool   // what is there at the end stays
}

func newSegmentDisk(path, keys string, cleanup bool) *segmentDisk {
	if keys == "" {
		keys = path
	}
	return &segmentDisk{path: path, keys: keys, cleanup: cleanup}
}

// apply makes changes, in their order: a playlist never names what is not there.
func (d *segmentDisk) apply(changes []hls.Change) error {
	root, err := openRoot(d.path)
	if err != nil {
		return err
	}
	defer root.Close()
	keys := root
	if d.keys != d.path {
		if keys, err = openRoot(d.keys); err != nil {
			return err
		}
		defer keys.Close()
	}
	for _, c := range changes {
		at := root
		if c.Key {
			at = keys
		}
		if err := d.change(at, c); err != nil {
			return fmt.Errorf("hls: %w", err)
		}
	}
	return nil
}

// openRoot opens a directory, which is made if need be.
func openRoot(path string) (*os.Root, error) {
	if err := os.MkdirAll(path, 0o755); err != nil {
		return nil, fmt.Errorf("hls: %w", err)
	}
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, fmt.Errorf("hls: %w", err)
	}
	return root, nil
}

func (d *segmentDisk) change(root *os.Root, c hls.Change) error {
	name := filepath.FromSlash(c.Name)
	if c.Remove {
		if !d.cleanup {
			return nil
		}
		if err := root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		root.Remove(filepath.Dir(name)) // if it is empty
		return nil
	}
	if err := root.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	return replaceFile(root, name, c.Pieces)
}

// replaceFile writes a file so that nobody ever sees half of it.
func replaceFile(root *os.Root, name string, pieces [][]byte) error {
	temporary := name + ".tmp"
	f, err := root.Create(temporary)
	if err != nil {
		return err
	}
	for _, p := range pieces {
		if _, err = f.Write(p); err != nil {
			break
		}
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = root.Rename(temporary, name)
	}
	if err != nil {
		root.Remove(temporary)
	}
	return err
}

// open opens a file that was written before.
func (d *segmentDisk) open(name string) (*os.File, error) {
	root, err := os.OpenRoot(d.path)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	return root.Open(filepath.FromSlash(name))
}
