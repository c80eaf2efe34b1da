package hls

import (
	"strconv"
	"strings"
	"time"

	"oneport/fmp4"
	"oneport/media"
)

// File is what has a name.
type File struct {
	Pieces   [][]byte // one after the other; nil when only the disk has it
	Modified time.Time
	Type     string // of its content
	OnDisk   bool

	seg  *Segment
	part int // of the segment; -1: all
	kind media.Kind
}

// Change is a file to write to the disk, or to remove from it.
type Change struct {
	Name   string
	Pieces [][]byte
	Remove bool
	Key    bool // it is a key, and may go elsewhere
	List   bool // it is a playlist or an MPD, which names others, and comes again
	seg    *Segment
}

// Find returns the file of that name.
func (m *Muxer) Find(name string) (File, bool) {
	f, ok := m.files[name]
	if !ok || f.seg == nil {
		return f, ok
	}
	f.Modified = f.seg.run.clock(f.seg.Start)
	if f.OnDisk = f.seg.gone; f.OnDisk {
		return f, true
	}
	f.Pieces = f.pieces()
	return f, true
}

// pieces are the bytes of a segment's file.
func (f *File) pieces() [][]byte {
	parts := f.seg.parts
	if f.part >= 0 {
		parts = parts[f.part : f.part+1]
	}
	pieces := content(parts, f.kind)
	if pieces == nil && f.kind < kindAll {
		pieces = [][]byte{f.seg.hollow(f.kind)}
	}
	return pieces
}

// hollow stands for a segment of a track that had nothing at that time: a fragment without samples.
func (s *Segment) hollow(k media.Kind) []byte {
	t := s.run.tracks[k]
	begin, _ := s.span(t)
	f := fmp4.Fragment{Track: t.ID, Time: uint64(begin)}
	return f.Append(nil)
}

// Changes returns what is to be written since the last call, in order, if that is asked for. Written is to be told of each.
func (m *Muxer) Changes() []Change {
	list := m.changes
	m.changes = nil
	return list
}

// Written tells that a change is on the disk, which then serves it.
func (m *Muxer) Written(c Change) {
	s := c.seg
	if s == nil {
		return
	}
	if s.writing--; s.writing > 0 || s.gone {
		return
	}
	s.gone = true
	m.hold(s, -s.held)
	for _, p := range s.parts {
		p.chunks = nil
	}
}

func (m *Muxer) change(c Change) {
	if m.opts.WithFiles {
		m.changes = append(m.changes, c)
	}
}

// Types of content.
const (
	TypePlaylist = "application/vnd.apple.mpegurl"
	TypeMPD      = "application/dash+xml"
	TypeTS       = "video/mp2t"
	TypeMP4      = "video/mp4"
	TypeAudioMP4 = "audio/mp4"
	TypeKey      = "application/octet-stream"
)

// enlist puts a complete segment into the playlist and takes out what has become too old.
func (m *Muxer) enlist(s *Segment) {
	m.list = append(m.list, s)
	m.nameSegment(s)
	total := time.Duration(0)
	for _, s := range m.list {
		total += max(s.Duration(), shortest)
	}
	for len(m.list) > keptSegments && total > m.opts.Window {
		total -= max(m.list[0].Duration(), shortest)
		m.old = append(m.old, m.list[0])
		m.list[0] = nil
		m.list = m.list[1:]
	}
	m.forgetOld()
	m.shed()
	m.text = ""
	m.changeTexts()
}

// forgetOld gives up what nobody asks for any more. Who has just read the playlist may still ask for what was in it. The standard
// asks to keep it as long as a playlist is, which would double the memory; players that far behind go on at what is listed.
func (m *Muxer) forgetOld() {
	margin := time.Duration(0)
	for i := len(m.old) - 1; i >= 0; i-- {
		if margin > 3*m.target {
			m.forget(m.old[:i+1])
			m.old = append([]*Segment(nil), m.old[i+1:]...)
			break
		}
		margin += max(m.old[i].Duration(), shortest)
	}
}

// shed gives up segments, the oldest first, where they have more bytes than there may be.
func (m *Muxer) shed() {
	for m.opts.MaxBytes > 0 && m.stats.Bytes > m.opts.MaxBytes*(segmentShare-2)/segmentShare {
		switch {
		case len(m.old) > 0:
			m.forget(m.old[:1])
			m.old = m.old[1:]
		case len(m.list) > keptSegments:
			m.stats.Unlisted++
			m.old = append(m.old, m.list[0])
			m.list[0] = nil
			m.list = m.list[1:]
		default:
			return
		}
	}
}

// changeTexts has the playlists written anew.
func (m *Muxer) changeTexts() {
	if !m.opts.WithFiles {
		return
	}
	if m.opts.HLS {
		m.change(Change{Name: m.opts.Names.playlist(), Pieces: [][]byte{[]byte(strings.ReplaceAll(m.render(false), mark, ""))}, List: true})
	}
	if m.opts.DASH {
		m.change(Change{Name: m.opts.Names.mpd(), Pieces: [][]byte{m.mpdText(m.list[len(m.list)-1].wallEnd(), false, "")}, List: true})
	}
}

func (s *Segment) wallEnd() time.Time { return s.run.clock(s.End) }

// nameParts makes the newest part of the growing segment known.
func (m *Muxer) nameParts() {
	if m.opts.Part > 0 && m.run.ts == nil {
		i := len(m.cur.parts) - 1
		m.files[m.opts.Names.part(m.cur, i)] = File{Type: TypeMP4, seg: m.cur, part: i, kind: kindAll}
	}
}

// nameSegment makes a complete segment known.
func (m *Muxer) nameSegment(s *Segment) {
	for _, f := range m.filesOf(s) {
		m.files[f.name] = f.File
		s.writing++
		m.change(Change{Name: f.name, Pieces: f.pieces(), seg: s})
	}
}

type namedFile struct {
	name string
	File
}

// filesOf are the files of a segment, its parts left out.
func (m *Muxer) filesOf(s *Segment) (list []namedFile) {
	all := File{Type: TypeTS, seg: s, part: -1, kind: kindAll}
	if m.opts.MP4 {
		all.Type = TypeMP4
	}
	if m.opts.HLS {
		list = append(list, namedFile{s.name, all})
	}
	if !m.opts.DASH {
		return list
	}
	for _, t := range s.run.all() {
		one := all
		begin, _ := s.span(t)
		one.kind, one.Type = t.kind, typeOf(t.kind)
		list = append(list, namedFile{m.opts.Names.dashSegment(s.run, t.kind, strconv.FormatInt(begin, 10)), one})
	}
	return list
}

func typeOf(k media.Kind) string {
	if k == media.Audio {
		return TypeAudioMP4
	}
	return TypeMP4
}

// forget removes segments, and the initialization segments and keys that no other segment needs.
func (m *Muxer) forget(gone []*Segment) {
	for _, s := range gone {
		for _, f := range m.filesOf(s) {
			m.remove(f.name)
		}
		for i := range s.parts {
			delete(m.files, m.opts.Names.part(s, i))
		}
		m.hold(s, -s.held)
	}
	for _, s := range gone {
		if last := s.run; !m.uses(func(o *Segment) bool { return o.run == last }, gone) && m.run != last {
			for _, init := range last.inits {
				m.remove(init.name)
			}
		}
		if k := s.key; k != nil && k != m.key && !m.uses(func(o *Segment) bool { return o.key == k }, gone) {
			m.remove(k.name)
		}
	}
}

// uses says whether a segment that stays is like that.
func (m *Muxer) uses(like func(*Segment) bool, gone []*Segment) bool {
	for _, list := range [][]*Segment{m.old[min(len(gone), len(m.old)):], m.list} {
		for _, s := range list {
			if like(s) {
				return true
			}
		}
	}
	return false
}

func (m *Muxer) remove(name string) {
	if f, ok := m.files[name]; ok {
		for _, p := range f.Pieces {
			m.stats.Bytes -= len(p)
		}
		delete(m.files, name)
		m.change(Change{Name: name, Remove: true, Key: f.Type == TypeKey})
	}
}

// add makes a file known that is no segment.
func (m *Muxer) add(name, typ string, now time.Time, data []byte) {
	for _, before := range m.files[name].Pieces {
		m.stats.Bytes -= len(before)
	}
	m.stats.Bytes += len(data)
	m.files[name] = File{Pieces: [][]byte{data}, Modified: now, Type: typ, kind: kindAll}
	m.change(Change{Name: name, Pieces: [][]byte{data}, Key: typ == TypeKey})
}

// Dispose removes everything. The muxer must not be used any more, but for Changes.
func (m *Muxer) Dispose() {
	if m.opts.HLS {
		m.change(Change{Name: m.opts.Names.playlist(), Remove: true, List: true})
	}
	if m.opts.DASH {
		m.change(Change{Name: m.opts.Names.mpd(), Remove: true, List: true})
	}
	for name, f := range m.files {
		m.change(Change{Name: name, Remove: true, Key: f.Type == TypeKey})
	}
	m.stats.Bytes = 0
	m.files, m.list, m.old, m.cur, m.run = nil, nil, nil, nil, nil
	m.wait = waiting{}
}

// prepare makes what a run's segments begin with.
func (m *Muxer) prepare(r *run) (err error) {
	if !m.opts.MP4 {
		r.ts, err = newTSWriter(r)
		return err
	}
	var all []fmp4.Track
	number := m.opts.Names.number(r.first)
	for _, t := range r.all() {
		all = append(all, t.Track)
		if m.opts.DASH {
			name := m.opts.Names.dash(t.kind, "init-"+number+".mp4")
			if err := r.init(int(t.kind), name, t.Track); err != nil {
				return err
			}
			m.add(name, typeOf(t.kind), r.wall, r.inits[t.kind].data)
		}
	}
	name := m.opts.Names.expand(numbered(m.opts.Names.Init), number, r.wall, 0)
	if err := r.init(int(media.Kinds), name, all...); err != nil {
		return err
	}
	if m.opts.HLS {
		m.add(name, TypeMP4, r.wall, r.inits[media.Kinds].data)
	}
	return nil
}

func (r *run) init(i int, name string, tracks ...fmp4.Track) (err error) {
	r.inits[i].name = name
	r.inits[i].data, err = fmp4.AppendInit(nil, tracks...)
	return err
}
