package server

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
)

// What a run that came to no end has left of a stream goes when another has written its playlist, if cleanup is on, unless files are to
// stay for ever; what is not ours stays.
func TestLeftoversGo(t *testing.T) {
	for more, goes := range map[string]bool{"hls_dispose 60;": true, "hls_dispose 60; hls_cleanup off;": false, "hls_dispose 0;": false} {
		synctest.Test(t, func(t *testing.T) {
			today()
			dir, crashed := t.TempDir(), t.TempDir()
			run := func(seconds int, then func()) {
				s, err := start(configure(t, withHLS("hls_ctx off; hls_keys on; hls_path "+dir+"/hls; hls_key_file_path "+dir+"/keys; "+more, "")), logTo(t))
				if err != nil {
					t.Fatal(err)
				}
				defer s.Close()
				video, audio := h264AndAAC(t)
				f := synthesize(t, s, "x", video, audio)
				defer f.end()
				for range seconds {
					f.feed(1)
					synctest.Wait()
				}
				then()
			}
			run(5, func() { copyDir(t, dir, crashed) })
			copyDir(t, crashed, dir)
			for _, name := range []string{"hls/live/x-1.ts", "hls/live/y-281592798123456.ts", "hls/live/x-281592798123456.ts", "keys/live/x-1.key"} {
				if err := os.WriteFile(filepath.Join(dir, name), nil, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			old := filesBelow(t, crashed)
			run(1, func() {
				if list := missing(t, filepath.Join(dir, "hls", "live", "x.m3u8")); len(list) > 0 {
					t.Errorf("%v went before the playlist", list)
				}
			})
			copyDir(t, crashed, dir)
			run(8, func() {
				now := strings.Join(filesBelow(t, dir), "\n")
				for _, name := range old {
					// The key of a segment that grew is named by no playlist.
					if there := strings.Contains(now, name); name != "hls/live/x.m3u8" && there == goes && !strings.HasSuffix(name, ".key") {
						t.Errorf("%s: %s there: %v", more, name, there)
					}
				}
				for _, name := range []string{"hls/live/x-1.ts", "hls/live/y-281592798123456.ts", "hls/live/x-281592798123456.ts", "keys/live/x-1.key"} {
					if !strings.Contains(now, name) {
						t.Errorf("%s: %s is gone", more, name)
					}
				}
			})
		})
	}
}

// filesBelow are the files of a directory and of those in it.
func filesBelow(t *testing.T, dir string) (list []string) {
	t.Helper()
	filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			name, _ := filepath.Rel(dir, path)
			list = append(list, filepath.ToSlash(name))
		}
		return nil
	})
	return list
}

// copyDir copies what is there, over what is there already.
func copyDir(t *testing.T, from, to string) {
	t.Helper()
	for _, name := range filesBelow(t, from) {
		b, err := os.ReadFile(filepath.Join(from, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(filepath.Dir(filepath.Join(to, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(to, name), b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
