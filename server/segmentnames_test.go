package server

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// hasty publishes groups of pictures of 200 ms, and far more of them than time passes.
func hasty(t *testing.T, s *Server) *synthetic {
	t.Helper()
	video, audio := h264AndAAC(t)
	f := synthesize(t, s, "x", video, audio)
	f.group = 200 * time.Millisecond
	return f
}

// today sets the clock of a bubble, which begins long ago.
func today() { time.Sleep(time.Until(time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC))) }

// rush pushes half a minute at once.
func (f *synthetic) rush(between func()) {
	for i := range 30 {
		f.feed(1)
		synctest.Wait()
		if i > 0 { // whoever has just come may have no segment yet
			between()
		}
	}
}

// idle lets the segmenters of a server end.
func idle(t *testing.T, s *Server) {
	t.Helper()
	time.Sleep(10 * time.Second)
	synctest.Wait()
	if n := len(s.segmenters.list()); n > 0 {
		t.Fatalf("%d segmenters do not end", n)
	}
}

// contents remembers what had which name.
type contents map[string]string

func (c contents) add(t *testing.T, name, content string) {
	t.Helper()
	if before, ok := c[name]; ok && before != content {
		t.Fatalf("%s comes again with other content", name)
	}
	c[name] = content
}

// read remembers the files below a directory that have names of their own.
func (c contents) read(t *testing.T, dir string) {
	t.Helper()
	filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if ext := filepath.Ext(path); err == nil && !d.IsDir() && ext != ".m3u8" && ext != ".mpd" {
			b, _ := os.ReadFile(path)
			c.add(t, path, string(b))
		}
		return nil
	})
}

// hastily is withHLS with the shortest segments that there can be.
func hastily(more, sections string) string {
	return strings.Replace(withHLS("hls_fragment 0.2; hls_ctx off; "+more, sections), "hls_fragment 1;", "", 1)
}

// toDisk writes HLS and DASH to a directory, where they stay.
func toDisk(dir string) string {
	return hastily("hls_dispose 0; hls_cleanup off; hls_use_fmp4 on; hls_keys on; hls_path "+dir+";",
		"dash { enabled on; dash_fragment 0.2; dash_path "+dir+"; dash_cleanup off; dash_dispose 0; }")
}

// In memory: who publishes faster than time passes is ahead of every clock when the segments are given up, and what is made
// then has other names, and higher numbers.
func TestNamesComeOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		today()
		s := offline(t, configure(t, hastily("hls_dispose 1;", "")))
		f := hasty(t, s)
		k, handler := segmenterKey{name: streamName("x")}, site(s)
		all, least, next := make(contents), 0, 0
		for range 3 {
			if _, err := s.segment(k, &s.config.Vhosts.Find(k.name.Vhost).Settings); err != nil {
				t.Fatal(err)
			}
			f.rush(func() {
				playlist := text(t, ask(handler, "GET", "/live/x.m3u8", ""))
				number, _ := strconv.Atoi(regexp.MustCompile(`MEDIA-SEQUENCE:(\d+)`).FindStringSubmatch(playlist)[1])
				if number < least {
					t.Fatalf("numbers go back from %d to %d", least, number)
				}
				names := listed(playlist)
				least, next = number, number+len(names)
				for _, name := range names[max(0, len(names)-6):] { // a second has five
					all.add(t, name, text(t, ask(handler, "GET", "/live/"+name, "")))
				}
			})
			least = next
			idle(t, s)
		}
		if len(all) < 3*140 {
			t.Errorf("only %d names", len(all))
		}
	})
}

// The same on a disk, where files stay.
func TestNamesComeOnceOnDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		today()
		dir := t.TempDir()
		s := offline(t, configure(t, toDisk(dir)))
		all := make(contents)
		for range 3 {
			f := hasty(t, s)
			f.rush(func() { all.read(t, dir) })
			f.end()
			idle(t, s)
		}
		if len(all) < 3*3*140 { // of HLS, and two of DASH
			t.Errorf("only %d names", len(all))
		}
	})
}

// What a server writes after a restart has other names, though no time has passed since it wrote the same numbers before.
func TestNamesAfterRestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		today()
		dir := t.TempDir()
		all := make(contents)
		for i := range 2 {
			func() {
				s, err := start(configure(t, toDisk(dir)), logTo(t))
				if err != nil {
					t.Fatal(err)
				}
				defer s.Close()
				f := hasty(t, s)
				defer f.end()
				f.at = time.Duration(i) * time.Hour
				f.rush(func() { all.read(t, dir) })
			}()
		}
		if len(all) < 2*3*140 {
			t.Errorf("only %d names", len(all))
		}
	})
}

// Who publishes faster than time passes makes the numbers of no other stream higher, and finds its own again.
func TestNumbersAreAStreamsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		today()
		s := offline(t, configure(t, hastily("hls_dispose 1;", "")))
		f, k := hasty(t, s), segmenterKey{name: streamName("x")}
		conf := &s.config.Vhosts.Find(k.name.Vhost).Settings
		if _, err := s.segment(k, conf); err != nil {
			t.Fatal(err)
		}
		f.rush(func() {})
		idle(t, s)
		now, first := numberAt(time.Now()), func(k segmenterKey) uint64 {
			g, err := s.segment(k, conf)
			if err != nil {
				t.Fatal(err)
			}
			g.mu.Lock()
			defer g.mu.Unlock()
			return g.mux.Next()
		}
		if n := first(segmenterKey{name: streamName("y")}); n != now {
			t.Errorf("another stream begins at %d, time is at %d", n, now)
		}
		if n := first(k); n < now+10 {
			t.Errorf("the stream goes back to %d, time is at %d", n, now)
		}
	})
}

// However many streams are ahead of the clock: little is remembered, and no stream goes back.
func TestStreamsAheadAreBounded(t *testing.T) {
	now := time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)
	table := segmenters{ahead: make(map[segmenterKey]uint64)}
	all := make(map[segmenterKey]uint64)
	for i := range 3 * mostAhead {
		k := segmenterKey{name: streamName(strconv.Itoa(i))}
		all[k] = numberAt(now) + uint64(i)*7%3001
		table.reached(k, all[k], now)
	}
	for k, n := range all {
		if max(table.next, table.ahead[k]) < n {
			t.Errorf("%v goes back", k)
		}
	}
	if len(table.ahead) > mostAhead {
		t.Errorf("%d are remembered", len(table.ahead))
	}
	table.reached(segmenterKey{}, 1, now.Add(time.Hour))
	if len(table.ahead) > 0 || table.next != numberAt(now.Add(time.Hour)) {
		t.Errorf("%d are remembered after an hour, the next number is %d", len(table.ahead), table.next)
	}
}
