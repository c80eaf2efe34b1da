package hls

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"oneport/media"
)

// Settings are a virtual host's settings for HLS.
type Settings struct {
	Enabled  bool          `conf:"enabled" default:"off" doc:"Whether streams are played by HLS, on the ports of http_server."`
	Fragment time.Duration `conf:"hls_fragment" default:"10" unit:"s" doc:"How long a segment is to be. It ends at a keyframe; a WebRTC publisher is asked for one."`
	TDRatio  float64       `conf:"hls_td_ratio" default:"1.0" doc:"What EXT-X-TARGETDURATION is at least, as a multiple of hls_fragment."`
	AOFRatio float64       `conf:"hls_aof_ratio" default:"2.1" doc:"The longest first group of pictures that EXT-X-TARGETDURATION is fitted to, as a multiple of hls_fragment; what is longer is cut without a keyframe."`
	Window   time.Duration `conf:"hls_window" default:"60" unit:"s" doc:"How much of the stream the playlist holds; at least three segments."`

	Path        string `conf:"hls_path" doc:"Directory to write segments and playlists to, while somebody publishes. Empty: they are made in memory, while somebody plays."`
	M3U8File    string `conf:"hls_m3u8_file" default:"[app]/[stream].m3u8" doc:"The playlist, as a URL path and as a file below hls_path."`
	TSFile      string `conf:"hls_ts_file" default:"[app]/[stream]-[seq].ts" doc:"The segments. [seq] is put in if it is left out: the segment's number, with six digits behind it that tell starts apart, so that no name ever comes twice."`
	EntryPrefix string `conf:"hls_entry_prefix" doc:"What the playlist puts before each segment's path, for example a CDN's URL."`
	ACodec      string `conf:"hls_acodec" default:"aac" words:"aac mp3 an" doc:"aac, mp3 or an. an leaves the sound out; with the others its codec is the stream's."`
	VCodec      string `conf:"hls_vcodec" default:"h264" words:"h264 h265 vn" doc:"h264, h265 or vn. vn leaves the picture out; with the others its codec is the stream's."`

	Cleanup bool          `conf:"hls_cleanup" default:"on" doc:"Remove files that the playlist does not name any more. After a crash, what its playlist still names goes when the stream has another; what that no longer named stays."`
	Dispose time.Duration `conf:"hls_dispose" default:"120" unit:"s" doc:"How long the segments stay when nobody publishes, and in memory when nobody plays. 0 keeps files for ever."`

	MaxBytes int `conf:"hls_max_bytes" default:"268435456" unit:"bytes" doc:"The most memory for a stream's segments, of HLS or of DASH. Where that is too little for hls_window, the playlist is shorter, down to three segments; a segment can have an eighth of it."`

	Ctx   bool `conf:"hls_ctx" default:"on" doc:"Tell viewers apart, so that they are listed and can be kicked: the first playlist names another one with an id. Switch it off behind a CDN."`
	TSCtx bool `conf:"hls_ts_ctx" default:"on" doc:"With hls_ctx, put the id into the segments' URLs too."`

	Keys        bool   `conf:"hls_keys" default:"off" doc:"Encrypt the segments (AES-128)."`
	KeyEvery    int    `conf:"hls_fragments_per_key" default:"5" doc:"With hls_keys, how many segments share a key."`
	KeyFile     string `conf:"hls_key_file" default:"[app]/[stream]-[seq].key" doc:"The keys."`
	KeyFilePath string `conf:"hls_key_file_path" doc:"Directory to write the keys to. Default: hls_path."`
	KeyURL      string `conf:"hls_key_url" doc:"What the playlist puts before each key's path. Default: they are served beside the playlist."`

	UseFMP4  bool   `conf:"hls_use_fmp4" default:"off" doc:"Make segments of fragmented MP4 instead of MPEG-TS, which AV1, VP9 and Opus need."`
	FMP4File string `conf:"hls_fmp4_file" default:"[app]/[stream]-[seq].m4s" doc:"The segments of fragmented MP4."`
	InitFile string `conf:"hls_init_file" default:"[app]/[stream]/init-[seq].mp4" doc:"What segments of fragmented MP4 begin with; a new one for each change of the format."`

	LowLatency bool          `conf:"hls_low_latency" default:"off" doc:"Low-Latency HLS: segments of fragmented MP4 are listed in parts while they grow, and players are answered when there is a new one. It needs an empty hls_path."`
	Part       time.Duration `conf:"hls_part_duration" default:"500" unit:"ms" doc:"With hls_low_latency, how long a part is."`
}

// MP4 says whether segments are of fragmented MP4.
func (s *Settings) MP4() bool { return s.UseFMP4 || s.LowLatency }

// Check finds settings that nothing could be played with.
func (s Settings) Check() error {
	errs := []error{
		between("hls_fragment", s.Fragment, 200*time.Millisecond, 10*time.Minute),
		between("hls_window", s.Window, s.Fragment, 24*time.Hour),
		template("hls_m3u8_file", s.M3U8File, ".m3u8"),
		template("hls_ts_file", s.TSFile, ".ts"),
		template("hls_fmp4_file", s.FMP4File, ".m4s", ".mp4"),
		template("hls_init_file", s.InitFile, ".mp4"),
		template("hls_key_file", s.KeyFile, ".key"),
		oneOf("hls_acodec", s.ACodec, "aac", "mp3", "an"),
		oneOf("hls_vcodec", s.VCodec, "h264", "h265", "vn"),
	}
	if s.TDRatio < 1 || s.AOFRatio < 1 || s.TDRatio > 100 || s.AOFRatio > 100 {
		errs = append(errs, errors.New("hls_td_ratio and hls_aof_ratio must be from 1 to 100"))
	}
	if s.MaxBytes < 1<<20 {
		errs = append(errs, errors.New("hls_max_bytes must be at least 1048576"))
	}
	if s.KeyEvery < 1 {
		errs = append(errs, errors.New("hls_fragments_per_key must be greater than 0"))
	}
	if s.ACodec == "an" && s.VCodec == "vn" {
		errs = append(errs, errors.New("hls_acodec an and hls_vcodec vn together leave nothing"))
	}
	if s.MP4() && numbered(s.FMP4File) == numbered(s.InitFile) {
		errs = append(errs, errors.New("hls_fmp4_file and hls_init_file must differ: a segment would have the name of what it begins with"))
	}
	if s.LowLatency {
		errs = append(errs, between("hls_part_duration", s.Part, 100*time.Millisecond, s.Fragment))
		if s.Path != "" {
			errs = append(errs, errors.New("hls_low_latency needs its parts in memory: leave hls_path empty"))
		}
		if s.Keys {
			errs = append(errs, errors.New("hls_keys and hls_low_latency do not go together: parts are not encrypted"))
		}
		if strings.Contains(s.FMP4File, "[duration]") {
			errs = append(errs, errors.New("hls_fmp4_file must not have [duration] with hls_low_latency: parts are named before a segment is complete"))
		}
	}
	return errors.Join(errs...)
}

// Options are what the settings mean for one stream's muxer.
func (s *Settings) Options() Options {
	o := Options{
		HLS: true, MP4: s.MP4(), Fragment: s.Fragment, Target: s.TDRatio, Overflow: s.AOFRatio, Window: s.Window,
		Without: [media.Kinds]bool{media.Audio: s.ACodec == "an", media.Video: s.VCodec == "vn"}, WithFiles: s.Path != "", MaxBytes: s.MaxBytes,
		Names: Names{Templates: s.Templates(), EntryPrefix: s.EntryPrefix, KeyPrefix: s.KeyURL},
	}
	if s.LowLatency {
		o.Part = s.Part
	}
	if s.Keys {
		o.KeyEvery = s.KeyEvery
	}
	return o
}

// Templates name the files.
func (s *Settings) Templates() Templates {
	t := Templates{Playlist: s.M3U8File, Segment: s.TSFile, Init: s.InitFile, Key: s.KeyFile}
	if s.MP4() {
		t.Segment = s.FMP4File
	}
	return t
}

// DASH are a virtual host's settings for DASH.
type DASH struct {
	Enabled  bool          `conf:"enabled" default:"off" doc:"Whether streams are played by DASH, on the ports of http_server. Where HLS has fragmented MP4, it is the same segments, as long and as many as HLS has them, unless they are encrypted or written to another directory."`
	Fragment time.Duration `conf:"dash_fragment" default:"10" unit:"s" doc:"How long a segment is to be."`
	Update   time.Duration `conf:"dash_update_period" default:"5" unit:"s" doc:"How often players are to fetch the MPD at least."`
	Shift    time.Duration `conf:"dash_timeshift" default:"300" unit:"s" doc:"How far back players can go at most."`
	Window   int           `conf:"dash_window_size" default:"5" doc:"How many segments the MPD names; at least three."`

	Path    string        `conf:"dash_path" doc:"Directory to write segments and MPD to, while somebody publishes. Empty: they are made in memory, while somebody plays."`
	MPDFile string        `conf:"dash_mpd_file" default:"[app]/[stream].mpd" doc:"The MPD, as a URL path and as a file below dash_path. The segments are in a directory of the stream's name."`
	Cleanup bool          `conf:"dash_cleanup" default:"on" doc:"Remove files that the MPD does not name any more. After a crash, what it has left stays."`
	Dispose time.Duration `conf:"dash_dispose" default:"120" unit:"s" doc:"How long the segments stay when nobody publishes, and in memory when nobody plays. 0 keeps files for ever."`
}

// Check finds settings that nothing could be played with.
func (d DASH) Check() error {
	return errors.Join(
		between("dash_fragment", d.Fragment, 200*time.Millisecond, 10*time.Minute),
		between("dash_update_period", d.Update, 100*time.Millisecond, time.Hour),
		between("dash_timeshift", d.Shift, d.Fragment, 24*time.Hour),
		template("dash_mpd_file", d.MPDFile, ".mpd"),
	)
}

// Options are what the settings mean for one stream's muxer.
func (d *DASH) Options() Options {
	return Options{
		DASH: true, MP4: true, Fragment: d.Fragment, Target: 1, Overflow: 2.1, Update: d.Update, WithFiles: d.Path != "",
		Window: min(d.Shift, time.Duration(max(d.Window, keptSegments))*d.Fragment), Names: Names{Templates: Templates{MPD: d.MPDFile}},
	}
}

func between(name string, value, least, most time.Duration) error {
	if value < least || value > most {
		return fmt.Errorf("%s must be from %v to %v", name, least, most)
	}
	return nil
}

func oneOf(name, word string, words ...string) error {
	if !slices.Contains(words, word) {
		return fmt.Errorf("%s must be one of %s, not %q", name, strings.Join(words, ", "), word)
	}
	return nil
}

func template(name, text string, extensions ...string) error {
	if err := CheckTemplate(text); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	for _, ext := range extensions {
		if path.Ext(text) == ext {
			return nil
		}
	}
	return fmt.Errorf("%s: %q must end in %s", name, text, extensions[0])
}
