package hls

import (
	"errors"
	"fmt"
	"path"
	"regexp"
	"strconv"
	"strings"
	"time"

	"oneport/media"
)

var errSeek = errors.New("hls: seeking before the beginning")

// Templates are the names of a virtual host's files, with variables in brackets. They are paths, of URLs and of files alike.
type Templates struct {
	Playlist string // [app]/[stream].m3u8
	Segment  string // [app]/[stream]-[seq].ts
	Init     string
	Key      string
	MPD      string // [app]/[stream].mpd; DASH's other files are below it, in a directory of the stream's name
}

// Names names one stream's files.
type Names struct {
	Templates
	Vhost, App, Stream string

	EntryPrefix string // what comes before a segment's path in the playlist
	KeyPrefix   string // before a key's

	// Mark are digits at the end of every number in a name. Always as many, they make what two muxers write differ in name
	// where their numbers don't differ, as after a restart.
	Mark string
}

// variables are what brackets may hold, with the pattern of what stands for them.
var variables = [...]struct{ name, pattern string }{
	{"vhost", `[^/]+`}, {"app", `[^/]+`}, {"stream", `[^/]+`}, {"seq", `[0-9]+`}, {"timestamp", `[0-9]+`}, {"duration", `[0-9]+`},
	{"2006", `[0-9]{4}`}, {"01", `[0-9]{2}`}, {"02", `[0-9]{2}`}, {"15", `[0-9]{2}`}, {"04", `[0-9]{2}`}, {"05", `[0-9]{2}`}, {"999", `[0-9]{3}`},
}

// CheckTemplate finds a template that could not name a stream's files apart, or that leads out of its directory.
func CheckTemplate(text string) error {
	clean := strings.TrimPrefix(text, "./")
	if clean == "" || path.Clean(clean) != clean || strings.HasPrefix(clean, "/") || strings.HasPrefix(clean, "..") || strings.ContainsAny(clean, "\\\x00?#") {
		return fmt.Errorf("%q is not a path below the directory", text)
	}
	if strings.Count(clean, "[stream]") != 1 || strings.Count(clean, "[app]") > 1 {
		return fmt.Errorf("%q must have [stream] once, and [app] at most once", text)
	}
	rest := clean
	for _, v := range variables {
		rest = strings.ReplaceAll(rest, "["+v.name+"]", "")
	}
	if strings.ContainsAny(rest, "[]") {
		return fmt.Errorf("%q has a variable that is not known; there are [vhost], [app], [stream], [seq], [timestamp], [duration], [2006], [01], [02], [15], [04], [05], [999]", text)
	}
	return nil
}

// numbered is the template with [seq] before the extension, if it has none: what is cached must not come under the same name.
func numbered(template string) string {
	if strings.Contains(template, "[seq]") {
		return template
	}
	ext := path.Ext(template)
	return strings.TrimSuffix(template, ext) + "-[seq]" + ext
}

// expand fills a template in. The values of vhost, app and stream come from the network; none of them can make a path of its own.
func (n *Names) expand(template, number string, at time.Time, duration time.Duration) string {
	at = at.UTC()
	fill := []string{
		"[vhost]", safe(n.Vhost), "[app]", safe(n.App), "[stream]", safe(n.Stream), "[seq]", number,
		"[timestamp]", strconv.FormatInt(at.UnixMilli(), 10), "[duration]", strconv.FormatInt(duration.Milliseconds(), 10),
		"[999]", fmt.Sprintf("%03d", at.Nanosecond()/int(time.Millisecond)),
	}
	for _, layout := range []string{"2006", "01", "02", "15", "04", "05"} {
		fill = append(fill, "["+layout+"]", at.Format(layout))
	}
	return strings.TrimPrefix(strings.NewReplacer(fill...).Replace(template), "./")
}

// number is how names tell a segment, a run or a key from any other, whenever that was made.
func (n *Names) number(of uint64) string { return strconv.FormatUint(of, 10) + n.Mark }

// ValidName says whether the files of an app or a stream of that name can have it in theirs.
func ValidName(name string) bool { return safe(name) == name }

// safe is a name as one part of a path: it neither climbs nor hides.
func safe(name string) string {
	name = strings.Map(func(r rune) rune {
		if r < ' ' || r == 127 || strings.ContainsRune(`/\:`, r) {
			return '_'
		}
		return r
	}, name)
	if strings.HasPrefix(name, ".") || name == "" {
		name = "_" + name
	}
	return name
}

// segment names a segment: finally when it is complete, for its duration may be in the name.
func (n *Names) segment(s *Segment) string {
	return n.expand(numbered(n.Segment), n.number(s.Number), s.run.clock(s.Start), max(s.End-s.Start, 0))
}

// part names a part of a segment.
func (n *Names) part(s *Segment, i int) string {
	ext := path.Ext(s.name)
	return strings.TrimSuffix(s.name, ext) + ".p" + strconv.Itoa(i) + ext
}

// PlaylistName is the playlist's file.
func (n *Names) PlaylistName() string { return n.playlist() }

func (n *Names) playlist() string { return n.expand(n.Playlist, "0", time.Time{}, 0) }
func (n *Names) mpd() string      { return n.expand(n.MPD, "0", time.Time{}, 0) }

// dash is a name in the directory of DASH's segments.
func (n *Names) dash(k media.Kind, rest string) string {
	mpd := n.mpd()
	return strings.TrimSuffix(mpd, path.Ext(mpd)) + "/" + k.String() + "-" + rest
}

// dashSegment is a segment of one track: the run's first number and the segment's time.
func (n *Names) dashSegment(r *run, k media.Kind, time string) string {
	return n.dash(k, n.number(r.first)+"-"+time+".m4s")
}

// kindMark stands for audio or video in the templates of DASH's files.
const kindMark = "\x01"

// Patterns match URL paths with what the templates make.
type Patterns struct{ playlist, mpd, other []*regexp.Regexp }

// Patterns compiles the templates, which CheckTemplate has found good.
func (t *Templates) Patterns() *Patterns {
	p := &Patterns{}
	if t.Playlist != "" {
		p.playlist = append(p.playlist, pattern(t.Playlist, ""))
		p.other = append(p.other, pattern(numbered(t.Segment), `(?:\.p[0-9]+)?`), pattern(numbered(t.Init), ""), pattern(numbered(t.Key), ""))
	}
	if t.MPD != "" {
		p.mpd = append(p.mpd, pattern(t.MPD, ""))
		p.other = append(p.other, pattern(strings.TrimSuffix(t.MPD, path.Ext(t.MPD))+"/"+kindMark+"-[seq]-[timestamp].m4s", ""),
			pattern(strings.TrimSuffix(t.MPD, path.Ext(t.MPD))+"/"+kindMark+"-init-[seq].mp4", ""))
	}
	return p
}

// pattern is a template as a regular expression of URL paths; more may stand before the extension.
func pattern(template, more string) *regexp.Regexp {
	text := regexp.QuoteMeta("/" + strings.TrimPrefix(template, "./"))
	for _, v := range variables {
		found := "(?:" + v.pattern + ")"
		if v.name == "app" || v.name == "stream" {
			found = "(?P<" + v.name + ">" + v.pattern + ")"
		}
		text = strings.ReplaceAll(text, `\[`+v.name+`\]`, found)
	}
	text = strings.Replace(text, kindMark, "(?:audio|video)", 1)
	if ext := regexp.QuoteMeta(path.Ext(template)); more != "" {
		text = strings.TrimSuffix(text, ext) + more + ext
	}
	return regexp.MustCompile("^" + text + "$")
}

// Asked is what a URL path asks for.
type Asked uint8

const (
	Nothing Asked = iota
	Playlist
	MPD
	Other // a segment, a part, an initialization segment or a key
)

// Match finds the stream whose file a URL path may be.
func (p *Patterns) Match(urlPath string) (what Asked, app, stream string) {
	for what, list := range [...][]*regexp.Regexp{Playlist: p.playlist, MPD: p.mpd, Other: p.other} {
		for _, re := range list {
			if found := re.FindStringSubmatch(urlPath); found != nil {
				app = "live"
				if i := re.SubexpIndex("app"); i >= 0 {
					app = found[i]
				}
				return Asked(what), app, found[re.SubexpIndex("stream")]
			}
		}
	}
	return Nothing, "", ""
}

// relative is how a playlist in the directory of from names another file.
func relative(from, to string) string {
	dir := path.Dir(from) + "/"
	if rest, ok := strings.CutPrefix(to, dir); ok {
		return escape(rest)
	}
	return escape("/" + to)
}

// escape makes a path fit for a URL, for a quoted string, and for a template of DASH, where a dollar begins a variable.
func escape(p string) string {
	const plain = "/-_.~!&'()*+,;=:@"
	var b strings.Builder
	for _, c := range []byte(p) {
		if c < 0x80 && (strings.IndexByte(plain, c) >= 0 || c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z') {
			b.WriteByte(c)
			continue
		}
		fmt.Fprintf(&b, "%%%02X", c)
	}
	return b.String()
}
