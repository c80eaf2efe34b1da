package server

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// On a disk: files are written while somebody publishes, whole or not at all, never outside the directory, and go in the end.
func TestHLSOnDisk(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, configure(t, withHLS("hls_ctx off; hls_dispose 1; hls_keys on; hls_path "+dir+"/hls; hls_key_file_path "+dir+"/keys; hls_ts_file [app]/[stream]/[2006]/[seq]-[duration].ts;", "")))
	video, audio := h264AndAAC(t)
	source := synthesize(t, s, "x", video, audio)
	file := filepath.Join(dir, "hls", "live", "x.m3u8")
	source.feed(1)
	until(t, "the segments to begin", func() bool { return source.cut(s).Frames > 0 })
	source.feed(5)
	var playlist string
	until(t, "a playlist with a window of segments", func() bool {
		b, _ := os.ReadFile(file)
		playlist = string(b)
		return strings.Count(playlist, "#EXTINF") >= 4 && strings.Contains(playlist, "-1000.ts")
	})
	names := listed(playlist)
	onDisk, err := os.ReadFile(filepath.Join(dir, "hls", "live", names[len(names)-1]))
	if err != nil {
		t.Fatal(err)
	}
	byHTTP, header := fetch(t, base(s)+"/live/"+names[len(names)-1])
	if byHTTP != string(onDisk) || header.Get("Content-Type") != "video/mp2t" {
		t.Errorf("%d bytes by HTTP, %d on the disk, %v", len(byHTTP), len(onDisk), header)
	}
	until(t, "nothing to stay in memory that is on the disk", func() bool {
		g := s.segmenters.list()
		return len(g) == 1 && g[0].bytes() < 100_000
	})
	if keys, _ := filepath.Glob(filepath.Join(dir, "keys", "live", "*.key")); len(keys) == 0 {
		t.Error("no keys")
	}
	if wrong, _ := filepath.Glob(filepath.Join(dir, "hls", "live", "*.key")); len(wrong) > 0 {
		t.Errorf("keys among the segments: %v", wrong)
	}
	source.end()
	until(t, "the files to go", func() bool {
		var left []string
		filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
			if err == nil && !d.IsDir() {
				left = append(left, path)
			}
			return nil
		})
		return len(left) == 0 && len(s.segmenters.list()) == 0
	})
}

// A disk that takes nothing is told of, and the segments are played from memory.
func TestHLSDiskFails(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	s := open(t, configure(t, withHLS("hls_ctx off; hls_path "+file+";", "")))
	video, audio := h264AndAAC(t)
	playlist := synthesize(t, s, "x", video, audio).play(s, "/live/x.m3u8", 2)
	segment, _ := fetch(t, base(s)+"/live/"+listed(playlist)[0])
	checkTS(t, segment)
}

// A symbolic link inside the directory leads nowhere else.
func TestHLSStaysInside(t *testing.T) {
	outside, dir := t.TempDir(), t.TempDir()
	if err := os.WriteFile(filepath.Join(outside, "secret-1.ts"), []byte("secret"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, filepath.Join(dir, "live")); err != nil {
		t.Fatal(err)
	}
	log := &lateLog{}
	s, err := Open(configure(t, withHLS("hls_ctx off; hls_path "+dir+";", "")), slog.New(slog.NewTextHandler(log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	if res := call(t, "GET", base(s)+"/live/secret-1.ts", ""); res.StatusCode != 404 {
		t.Errorf("%s: %s", res.Status, text(t, res))
	}
	video, audio := h264AndAAC(t)
	source := synthesize(t, s, "x", video, audio)
	until(t, "the disk to refuse a segment", func() bool {
		source.feed(1)
		return strings.Contains(log.text(), "segments can't be written")
	})
	fetch(t, base(s)+"/live/x.m3u8")
	if files, _ := os.ReadDir(outside); len(files) != 1 {
		t.Errorf("%v was written outside", files)
	}
}
