package server

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// What stays on the disk can still be decrypted through us when nobody publishes any more, though the keys are elsewhere; and
// where keys are, nothing else is served, nor what a link leads to.
func TestKeysStay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		s := offline(t, configure(t, withHLS("hls_ctx off; hls_dispose 0; hls_keys on; hls_path "+dir+"/hls; hls_key_file_path "+dir+"/keys;", "")))
		video, audio := h264AndAAC(t)
		f := synthesize(t, s, "x", video, audio)
		for range 8 {
			f.feed(1)
			synctest.Wait()
		}
		f.end()
		time.Sleep(time.Second)
		synctest.Wait()
		if n := len(s.segmenters.list()); n > 0 {
			t.Fatalf("%d segmenters do not end", n)
		}
		handler := site(s)
		playlist := text(t, ask(handler, "GET", "/live/x.m3u8", ""))
		keys := regexp.MustCompile(`URI="([^"]+\.key)"`).FindAllStringSubmatch(playlist, -1)
		if len(keys) == 0 {
			t.Fatal(playlist)
		}
		for _, key := range keys {
			want, _ := os.ReadFile(filepath.Join(dir, "keys", "live", key[1]))
			res := ask(handler, "GET", "/live/"+key[1], "")
			if got := text(t, res); res.StatusCode != 200 || got != string(want) || len(got) != 16 || res.Header.Get("Cache-Control") != "no-cache" {
				t.Errorf("%s: %s, %d bytes", key[1], res.Status, len(got))
			}
		}
		for _, name := range []string{"keys/live/y-1.ts", "secret-1.key", "hls/live/z-1.key"} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte("secret"), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.Symlink(filepath.Join(dir, "secret-1.key"), filepath.Join(dir, "keys", "live", "link-1.key")); err != nil {
			t.Fatal(err)
		}
		for _, path := range []string{"/live/y-1.ts", "/live/link-1.key", "/live/z-1.key", "/live/..%2f..%2fsecret-1.key", "/live/../../secret-1.key"} {
			if res := ask(handler, "GET", path, ""); res.StatusCode/100 == 2 || strings.Contains(text(t, res), "secret") {
				t.Errorf("%s: %s", path, res.Status)
			}
		}
	})
}
