package server

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"oneport/hls"
)

// segmentDisk writes segments below a directory, and never anywhere else: os.Root sees to that, whatever names there are.
type segmentDisk struct {
	path    string
	keys    string // where keys go
	cleanup bool   // what is not listed any more is removed
	keep    bool   // what is there at the end stays
	todo    backlog
	lists   map[string]bool // playlists that are there
	left    []hls.Change    // removals of what an earlier run has left, when there is another playlist
}

// backlog is what is still to be done on the disk: files to write, in their order, and files to remove when that is done.
type backlog struct {
	writes   []hls.Change
	removals []hls.Change
}

// add takes changes up. What has been replaced, or is to be removed, need not be written any more: so there is never more than
// the muxer keeps itself.
func (b *backlog) add(changes []hls.Change, cleanup bool) {
	for _, c := range changes {
		before := len(b.writes)
		b.writes = slices.DeleteFunc(b.writes, func(w hls.Change) bool { return w.Name == c.Name })
		switch wasWritten := len(b.writes) == before; {
		case !c.Remove:
			b.writes = append(b.writes, c)
		case cleanup && (wasWritten || c.List):
			b.removals = append(b.removals, c)
		}
	}
}

func newSegmentDisk(path, keys string, cleanup bool) *segmentDisk {
	if keys == "" {
		keys = path
	}
	return &segmentDisk{path: path, keys: keys, cleanup: cleanup, lists: make(map[string]bool)}
}

// apply makes changes, and those that could not be made before. They are made in their order, up to the first that fails: a
// playlist never names what is not there. It returns what was written.
func (d *segmentDisk) apply(changes []hls.Change) (written []hls.Change, err error) {
	d.todo.add(changes, d.cleanup)
	if slices.ContainsFunc(changes, func(c hls.Change) bool { return c.List && c.Remove }) {
		d.forgo()
	}
	root, err := openRoot(d.path)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	keys := root
	if d.keys != d.path {
		if keys, err = openRoot(d.keys); err != nil {
			return nil, err
		}
		defer keys.Close()
	}
	for len(d.todo.writes) > 0 {
		c := d.todo.writes[0]
		if err = writeChange(where(root, keys, c), c); err != nil {
			break
		}
		d.todo.writes = slices.Delete(d.todo.writes, 0, 1)
		if written = append(written, c); c.List {
			d.lists[c.Name] = true
			d.forgo()
		}
	}
	if err = errors.Join(err, d.remove(root, keys, err)); err != nil {
		err = fmt.Errorf("hls: %w", err)
	}
	return written, err
}

// mostLeft is the longest playlist that is looked at for what an earlier run has left.
const mostLeft = 16 << 20

// recall finds what an earlier run has left, which came to no end: what the stream's playlist names. It goes when another
// playlist is there. Only that is found which is still listed; to look for names like it would be to guess whose they are.
func (d *segmentDisk) recall(names *hls.Names) {
	if !d.cleanup || d.keep {
		return
	}
	f, err := openBelow(d.path, names.PlaylistName())
	if err != nil {
		return
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return
	}
	if text, err := io.ReadAll(io.LimitReader(f, mostLeft)); err == nil {
		d.left = names.Left(string(text))
	}
}

// forgo has removed what an earlier run has left.
func (d *segmentDisk) forgo() {
	d.todo.add(d.left, d.cleanup)
	d.left = nil
}

// behind says whether there is something that could not be done.
func (d *segmentDisk) behind() bool { return len(d.todo.writes)+len(d.todo.removals) > 0 }

// where is the directory that a change goes to.
func where(root, keys *os.Root, c hls.Change) *os.Root {
	if c.Key {
		return keys
	}
	return root
}

// remove removes what is to go. While something can't be written, it stays, for an old playlist may name it; but a full disk
// takes nothing until something has gone, so there the playlists go first.
func (d *segmentDisk) remove(root, keys *os.Root, unwritten error) (err error) {
	if unwritten != nil {
		if !errors.Is(unwritten, syscall.ENOSPC) || len(d.todo.removals) == 0 {
			return nil
		}
		for name := range d.lists {
			if err := removeFile(root, name); err != nil {
				return err
			}
			delete(d.lists, name)
		}
	}
	d.todo.removals = slices.DeleteFunc(d.todo.removals, func(c hls.Change) bool {
		failed := removeFile(where(root, keys, c), c.Name)
		err = errors.Join(err, failed)
		return failed == nil
	})
	return err
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

// removeFile removes a file, if it is there, and its directory, if that is empty then.
func removeFile(root *os.Root, name string) error {
	name = filepath.FromSlash(name)
	if err := root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if dir := filepath.Dir(name); dir != "." {
		root.Remove(dir)
	}
	return nil
}

func writeChange(root *os.Root, c hls.Change) error {
	name := filepath.FromSlash(c.Name)
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

// openBelow opens a file that was written before, and none that is not below the directory.
func openBelow(dir, name string) (*os.File, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	return root.Open(filepath.FromSlash(name))
}
