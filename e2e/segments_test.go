package e2e

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// recordedSpan is how much of a stream is recorded by those who get it in pieces: it is long until a playlist ends.
const recordedSpan = 5500 * time.Millisecond

// fetch gets a file, and waits for it as long as a stream may take to begin.
func fetch(ctx context.Context, address *url.URL) ([]byte, error) {
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, address.String(), nil)
		if err != nil {
			return nil, err
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			return nil, err
		}
		body, err := io.ReadAll(res.Body)
		res.Body.Close()
		if err != nil {
			return nil, err
		}
		if res.StatusCode == http.StatusOK {
			return body, nil
		}
		if res.StatusCode != http.StatusNotFound && res.StatusCode != http.StatusServiceUnavailable {
			return nil, fmt.Errorf("get %v: %s: %.200s", address, res.Status, body)
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("get %v: %s: %w", address, res.Status, ctx.Err())
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// awaitPlaylist waits for a playlist: ffmpeg takes it for an answer that there is none while nobody publishes.
func awaitPlaylist(ctx context.Context, at string) error {
	address, err := url.Parse(at)
	if err == nil {
		_, err = fetch(ctx, address)
	}
	return err
}

// lowLatency is a player of Low-Latency HLS: it takes part after part as they come, and asks for the playlist that has the
// next (RFC 8216bis, section 6.2.5.2).
type lowLatency struct {
	address *url.URL // of the playlist
	list    string
}

// hlsPart is a part that a playlist lists.
type hlsPart struct {
	sequence, index int
	uri             string
	long            time.Duration
	independent     bool
}

// recordLowLatency writes what it plays to a file.
func recordLowLatency(ctx context.Context, address, file string) error {
	p := &lowLatency{}
	var err error
	if p.address, err = url.Parse(address); err != nil {
		return err
	}
	if err := p.open(ctx); err != nil {
		return err
	}
	begin := regexp.MustCompile(`#EXT-X-MAP:URI="([^"]+)"`).FindStringSubmatch(p.list)
	all := p.parts()
	if begin == nil || len(all) == 0 || !all[0].independent {
		return fmt.Errorf("there is nothing to begin with in\n%s", p.list)
	}
	made, err := p.piece(ctx, begin[1])
	if err != nil {
		return err
	}
	for next, long := all[0], time.Duration(0); long < recordedSpan; {
		piece, err := p.piece(ctx, next.uri)
		if err != nil {
			return err
		}
		made, long = append(made, piece...), long+next.long
		if next, err = p.after(ctx, next); err != nil {
			return err
		}
	}
	return os.WriteFile(file, made, 0o600)
}

// open gets the playlist, which may be behind one that tells viewers apart.
func (p *lowLatency) open(ctx context.Context) error {
	for range 2 {
		b, err := fetch(ctx, p.address)
		if err != nil {
			return err
		}
		if p.list = string(b); !strings.Contains(p.list, "#EXT-X-STREAM-INF") {
			return nil
		}
		lines := strings.Split(strings.TrimSpace(p.list), "\n")
		if p.address, err = p.address.Parse(lines[len(lines)-1]); err != nil {
			return err
		}
	}
	return fmt.Errorf("a playlist of playlists names another:\n%s", p.list)
}

func (p *lowLatency) piece(ctx context.Context, uri string) ([]byte, error) {
	address, err := p.address.Parse(uri)
	if err != nil {
		return nil, err
	}
	return fetch(ctx, address)
}

// after is the part that follows: of the same segment, or the first of the next.
func (p *lowLatency) after(ctx context.Context, last hlsPart) (hlsPart, error) {
	for range 2 {
		for _, part := range p.parts() {
			if part.sequence > last.sequence || part.sequence == last.sequence && part.index > last.index {
				return part, nil
			}
		}
		address := *p.address
		query := address.Query()
		query.Set("_HLS_msn", strconv.Itoa(last.sequence))
		query.Set("_HLS_part", strconv.Itoa(last.index+1))
		address.RawQuery = query.Encode()
		b, err := fetch(ctx, &address)
		if err != nil {
			return hlsPart{}, err
		}
		p.list = string(b)
	}
	return hlsPart{}, fmt.Errorf("no part follows %d.%d in\n%s", last.sequence, last.index, p.list)
}

// parts are those that the playlist lists.
func (p *lowLatency) parts() (list []hlsPart) {
	sequence, index := 0, 0
	for line := range strings.Lines(p.list) {
		line = strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(line, "#EXT-X-MEDIA-SEQUENCE:"):
			sequence, _ = strconv.Atoi(line[len("#EXT-X-MEDIA-SEQUENCE:"):])
		case strings.HasPrefix(line, "#EXT-X-PART:"):
			part := hlsPart{sequence: sequence, index: index, independent: strings.Contains(line, "INDEPENDENT=YES")}
			for attribute := range strings.SplitSeq(line[len("#EXT-X-PART:"):], ",") {
				switch name, value, _ := strings.Cut(attribute, "="); name {
				case "URI":
					part.uri = strings.Trim(value, `"`)
				case "DURATION":
					seconds, _ := strconv.ParseFloat(value, 64)
					part.long = time.Duration(seconds * float64(time.Second))
				}
			}
			list = append(list, part)
			index++
		case line != "" && !strings.HasPrefix(line, "#"):
			sequence, index = sequence+1, 0
		}
	}
	return list
}

// recordDASH is a player of DASH by SegmentTimeline (ISO/IEC 23009-1). It waits until enough is listed, and puts what both
// tracks have into a file, at the times that their segments tell.
func recordDASH(ctx context.Context, address, file string) error {
	base, err := url.Parse(address)
	if err != nil {
		return err
	}
	var tracks map[string][]string
	for enough := false; !enough; {
		mpd, err := fetch(ctx, base)
		if err != nil {
			return err
		}
		if tracks, enough = dashTracks(string(mpd)); enough {
			break
		}
		time.Sleep(200 * time.Millisecond) // as a player does
	}
	args := []string{"-nostdin", "-v", "error", "-y"}
	for kind, names := range tracks {
		var made []byte
		for _, name := range names {
			at, err := base.Parse(name)
			if err != nil {
				return err
			}
			piece, err := fetch(ctx, at)
			if err != nil {
				return err
			}
			made = append(made, piece...)
		}
		track := filepath.Join(filepath.Dir(file), "dash-"+kind+".mp4")
		if err := os.WriteFile(track, made, 0o600); err != nil {
			return err
		}
		args = append(args, "-copyts", "-i", track)
	}
	args = append(args, "-map", "0", "-map", "1", "-c", "copy", file)
	if out, err := exec.CommandContext(ctx, "ffmpeg", args...).CombinedOutput(); err != nil {
		return fmt.Errorf("ffmpeg %v: %w: %s", args, err, out)
	}
	return nil
}

var (
	dashSet  = regexp.MustCompile(`(?s)<AdaptationSet [^>]*contentType="(\w+)".*?</AdaptationSet>`)
	dashSpan = regexp.MustCompile(`<S (?:t="(\d+)" )?d="(\d+)"(?: r="(\d+)")?/>`)
)

// dashTracks are the files of each track, and whether they are long enough.
func dashTracks(mpd string) (files map[string][]string, enough bool) {
	files, enough = map[string][]string{}, true
	for _, set := range dashSet.FindAllStringSubmatch(mpd, -1) {
		attribute := func(name string) string {
			found := regexp.MustCompile(`<SegmentTemplate [^>]*\b` + name + `="([^"]*)"`).FindStringSubmatch(set[0])
			if found == nil {
				return ""
			}
			return found[1]
		}
		number := func(text string) int { n, _ := strconv.Atoi(text); return n }
		scale, first, at, long := number(attribute("timescale")), number(attribute("startNumber")), 0, 0
		names := []string{attribute("initialization")}
		for _, span := range dashSpan.FindAllStringSubmatch(set[0], -1) {
			if span[1] != "" {
				at = number(span[1])
			}
			for range number(span[3]) + 1 {
				name := strings.ReplaceAll(attribute("media"), "$Time$", strconv.Itoa(at))
				names = append(names, strings.ReplaceAll(name, "$Number$", strconv.Itoa(first+len(names)-1)))
				at, long = at+number(span[2]), long+number(span[2])
			}
		}
		files[set[1]] = names
		enough = enough && time.Duration(long)*time.Second >= recordedSpan*time.Duration(scale)
	}
	return files, enough && len(files) == 2
}

// TestDASHTracks checks that the test's own player reads an MPD.
func TestDASHTracks(t *testing.T) {
	const mpd = `<AdaptationSet id="1" contentType="video"><SegmentTemplate timescale="1000" initialization="v/i.mp4" media="v/$Number$-$Time$.m4s" startNumber="7">` +
		`<S t="5" d="3000" r="1"/><S d="10"/></SegmentTemplate></AdaptationSet><AdaptationSet contentType="audio"><SegmentTemplate timescale="1" ` +
		`initialization="a" media="$Time$"><S t="0" d="9"/></SegmentTemplate></AdaptationSet>`
	files, enough := dashTracks(mpd)
	if want := []string{"v/i.mp4", "v/7-5.m4s", "v/8-3005.m4s", "v/9-6005.m4s"}; !enough || !slices.Equal(files["video"], want) || !slices.Equal(files["audio"], []string{"a", "0"}) {
		t.Errorf("%v, %v", files, enough)
	}
}
