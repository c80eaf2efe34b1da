package config

import "slices"

// modernise rewrites the spellings of earlier SRS versions to those of today, as SRS does, but what is written in today's
// spelling too wins. Rewritten directives keep their positions.
func modernise(root *Directive) {
	for _, d := range root.Block {
		switch d.Name {
		case "http_stream":
			d.Name = "http_server"
		case "rtc_server":
			d.drop("perf_stat", "queue_length")
		case "srt_server":
			d.rename("tlpkdrop", "tlpktdrop")
		case "stream_caster":
			moderniseCaster(d)
		case "vhost":
			moderniseVhost(d)
		}
	}
}

// moderniseCaster handles GB28181, whose settings moved to `sip` or lost their use.
func moderniseCaster(d *Directive) {
	d.drop("tcp_enable", "rtp_port_min", "rtp_port_max", "wait_keyframe", "rtp_idle_timeout", "audio_enable", "auto_create_channel")
	if host := d.First("host"); host != nil {
		d.move(host, "sip", "candidate", host.Args)
		d.drop("host")
	}
	if sip := d.First("sip"); sip != nil {
		sip.drop("serial", "realm", "ack_timeout", "keepalive_timeout", "invite_port_fixed", "query_catalog_interval", "auto_play")
	}
}

func moderniseVhost(vhost *Directive) {
	legacy := make(map[*Directive]bool)
	for _, d := range slices.Clone(vhost.Block) {
		legacy[d] = moveLegacy(vhost, d)
		if !legacy[d] {
			moderniseSection(d)
		}
	}
	vhost.Block = slices.DeleteFunc(vhost.Block, func(d *Directive) bool { return legacy[d] })
}

// moderniseSection rewrites what stays where it is.
func moderniseSection(d *Directive) {
	switch d.Name {
	case "http":
		d.Name = "http_static"
	case "http_remux":
		d.drop("hstrs")
	case "hls":
		d.drop("hls_storage", "hls_mount")
	case "forward":
		if !d.Braces && len(d.Args) > 0 {
			d.Block = []*Directive{d.with("enabled", "on"), {Name: "destination", Pos: d.Pos, Args: d.Args}}
			d.Args, d.Braces = nil, true
		}
	case "rtc":
		d.replace("aac", "transcode", "rtmp_to_rtc")
		d.replace("bframe", "keep", "keep_bframe")
	}
}

// moveLegacy puts what a directive of the virtual host says into the section that says it today. It returns false for
// what is not legacy.
func moveLegacy(vhost, d *Directive) bool {
	switch d.Name {
	case "refer", "refer_play", "refer_publish":
		return moveRefer(vhost, d)
	case "bandcheck":
		// Removed from SRS, still accepted there.
	case "mr":
		vhost.moveFirst(d, "enabled", "publish", "mr")
		vhost.moveFirst(d, "latency", "publish", "mr_latency")
	case "nack":
		vhost.moveFirst(d, "enabled", "rtc", "nack")
		vhost.moveFirst(d, "no_copy", "rtc", "nack_no_copy")
	case "twcc":
		vhost.moveFirst(d, "enabled", "rtc", "twcc")
	case "publish_1stpkt_timeout":
		vhost.move(d, "publish", "firstpkt_timeout", d.Args)
	case "publish_normal_timeout":
		vhost.move(d, "publish", "normal_timeout", d.Args)
	case "time_jitter", "mix_correct", "atc", "atc_auto", "mw_latency", "gop_cache", "gop_cache_max_frames", "queue_length",
		"send_min_interval", "reduce_sequence_header":
		vhost.move(d, "play", d.Name, d.Args)
	case "mode", "origin", "token_traverse", "vhost", "debug_srs_upnode":
		vhost.move(d, "cluster", d.Name, d.Args)
	default:
		return false
	}
	return true
}

// moveRefer handles the referrers: three directives became a section.
func moveRefer(vhost, d *Directive) bool {
	key := ""
	switch d.Name {
	case "refer":
		if d.Braces {
			return false
		}
		key = "all"
	case "refer_play":
		key = "play"
	case "refer_publish":
		key = "publish"
	}
	vhost.move(d, "refer", key, d.Args)
	for _, refer := range vhost.Block {
		if refer.Name == "refer" && refer.Braces && refer.First("enabled") == nil {
			refer.Block = append(refer.Block, d.with("enabled", "on"))
		}
	}
	return true
}

// moveFirst moves the first directive of that name in from's block, if there is one.
func (d *Directive) moveFirst(from *Directive, name, section, key string) {
	if c := from.First(name); c != nil {
		d.move(c, section, key, c.Args)
	}
}

// move says `key args;` at the end of a section of d's block, which is made if it is missing.
func (d *Directive) move(from *Directive, section, key string, args []Word) {
	var s *Directive
	for _, c := range d.Block {
		if c.Name == section && c.Braces {
			s = c
			break
		}
	}
	if s == nil {
		s = &Directive{Name: section, Pos: from.Pos, Braces: true}
		d.Block = append(d.Block, s)
	}
	s.Block = append(s.Block, &Directive{Name: key, Pos: from.Pos, Args: args})
}

// with makes `name arg;` at d's place.
func (d *Directive) with(name, arg string) *Directive {
	return &Directive{Name: name, Pos: d.Pos, Args: []Word{{Text: arg, Pos: d.Pos}}}
}

// drop removes the directives of these names from d's block.
func (d *Directive) drop(names ...string) {
	d.Block = slices.DeleteFunc(d.Block, func(c *Directive) bool { return slices.Contains(names, c.Name) })
}

// rename gives the directives of one name in d's block another.
func (d *Directive) rename(name, today string) {
	for _, c := range d.Block {
		if c.Name == name {
			c.Name = today
		}
	}
}

// replace turns `name word;` in d's block into `today on;`, and `name` with any other word into `today off;`.
func (d *Directive) replace(name, word, today string) {
	old := d.First(name)
	if old == nil {
		return
	}
	d.drop(name)
	d.Block = append(d.Block, old.with(today, switchName(old.Arg() == word)))
}
