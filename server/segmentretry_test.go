package server

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"oneport/hls"
)

// missing are the files that a playlist on the disk names and that are not there.
func missing(t *testing.T, playlist string) (list []string) {
	t.Helper()
	b, err := os.ReadFile(playlist)
	if err != nil {
		t.Fatal(err)
	}
	names := listed(string(b))
	if len(names) < 3 {
		t.Fatalf("only %d segments are listed:\n%s", len(names), b)
	}
	for _, name := range names {
		if _, err := os.Stat(filepath.Join(filepath.Dir(playlist), name)); err != nil {
			list = append(list, name)
		}
	}
	return list
}

// A disk that takes nothing for a while leaves no hole: what is still listed is written when it takes something again, and what
// is not any more is not left behind.
func TestDiskRecovers(t *testing.T) {
	for _, seconds := range []int{1, 3, 40} { // the window and what is kept behind it have eight
		synctest.Test(t, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "hls")
			s := offline(t, configure(t, withHLS("hls_ctx off; hls_dispose 60; hls_keys on; hls_path "+dir+";", "")))
			video, audio := h264AndAAC(t)
			f := synthesize(t, s, "x", video, audio)
			feed := func(seconds int) {
				for range seconds {
					f.feed(1)
					synctest.Wait()
				}
			}
			feed(12)
			if err := os.Rename(dir, dir+"-away"); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(dir, nil, 0o644); err != nil {
				t.Fatal(err)
			}
			feed(seconds)
			if err := os.Remove(dir); err != nil {
				t.Fatal(err)
			}
			if err := os.Rename(dir+"-away", dir); err != nil {
				t.Fatal(err)
			}
			f.end()
			time.Sleep(10 * time.Second) // nothing comes that would have it look
			synctest.Wait()
			if list := missing(t, filepath.Join(dir, "live", "x.m3u8")); len(list) > 0 {
				t.Errorf("after %d s: %v are listed and not there", seconds, list)
			}
			g := s.segmenters.list()[0]
			files, _ := filepath.Glob(filepath.Join(dir, "live", "*.ts"))
			for _, file := range files {
				if name, _ := filepath.Rel(dir, file); !g.has(filepath.ToSlash(name)) {
					t.Errorf("after %d s: %s is left behind", seconds, name)
				}
			}
			if n := g.bytes(); n > 1000 {
				t.Errorf("after %d s: %d bytes are still in memory", seconds, n)
			}
			if len(g.disk.todo.writes) > 0 || len(g.disk.todo.removals) > 0 {
				t.Errorf("%+v is still to be done", g.disk.todo)
			}
		})
	}
}

// changed are the names of what changes.
func changed(changes []hls.Change) (list []string) {
	for _, c := range changes {
		list = append(list, c.Name)
	}
	return list
}

// A file that can't be written holds up the playlist that names it, and nothing is removed that an older playlist names. What has
// been replaced or is to be removed need not be written.
func TestDiskCatchesUp(t *testing.T) {
	dir := t.TempDir()
	d := newSegmentDisk(dir, "", true)
	write := func(name string) hls.Change {
		return hls.Change{Name: name, Pieces: [][]byte{[]byte(name)}, List: strings.HasSuffix(name, "m3u8")}
	}
	remove := func(name string) hls.Change { return hls.Change{Name: name, Remove: true} }
	apply := func(fails bool, changes ...hls.Change) []string {
		t.Helper()
		done, err := d.apply(changes)
		if (err != nil) != fails {
			t.Fatal(err)
		}
		return changed(done)
	}
	apply(false, write("1.ts"), write("x.m3u8"))
	block := filepath.Join(dir, "2.ts", "x")
	if err := os.MkdirAll(block, 0o755); err != nil {
		t.Fatal(err)
	}
	if done := apply(true, write("2.ts"), write("x.m3u8")); len(done) > 0 {
		t.Errorf("%v was written", done)
	}
	apply(true, remove("1.ts"), write("3.ts"), write("x.m3u8"))
	if _, err := os.Stat(filepath.Join(dir, "1.ts")); err != nil {
		t.Error("what the playlist on the disk names was removed")
	}
	if got := changed(d.todo.writes); !slices.Equal(got, []string{"2.ts", "3.ts", "x.m3u8"}) {
		t.Errorf("%v are to be written", got)
	}
	if err := os.RemoveAll(filepath.Join(dir, "2.ts")); err != nil {
		t.Fatal(err)
	}
	if done := apply(false); !slices.Equal(done, []string{"2.ts", "3.ts", "x.m3u8"}) || d.behind() {
		t.Errorf("%v were written", done)
	}
	if _, err := os.Stat(filepath.Join(dir, "1.ts")); err == nil {
		t.Error("the removal was forgotten")
	}
	if err := os.MkdirAll(filepath.Join(dir, "4.ts", "x"), 0o755); err != nil {
		t.Fatal(err)
	}
	apply(true, write("4.ts"), write("x.m3u8"))
	if done := apply(false, remove("4.ts"), write("5.ts"), write("x.m3u8")); !slices.Equal(done, []string{"5.ts", "x.m3u8"}) || d.behind() {
		t.Errorf("%v were written", done)
	}
}

// A full disk gets room: the playlist goes, and then what was to be removed.
func TestDiskFull(t *testing.T) {
	dir := t.TempDir()
	d := newSegmentDisk(dir, "", true)
	if _, err := d.apply([]hls.Change{{Name: "1.ts"}, {Name: "x.m3u8", List: true}}); err != nil {
		t.Fatal(err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	d.todo.add([]hls.Change{{Name: "1.ts", Remove: true}, {Name: "2.ts"}}, true)
	if err := d.remove(root, root, syscall.ENOSPC); err != nil {
		t.Fatal(err)
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("%v are left", left)
	}
}
