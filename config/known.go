package config

import "strings"

// srsDirectives is every directive that SRS 7 knows, written in its own language. What the program declares is taken from
// the table; the rest of it tells "not supported yet" from "no such directive".
//
// The arguments of a directive here are the values that ask for nothing beyond what oneport does anyway: those need no
// warning. The mark `unsafe` is for what guards something: asked for and not supported, it ends the start, because going
// on without it would leave open what someone meant to close. In a block marked `any` every name is right.
const srsDirectives = `
listen; max_connections; chunk_size; pid; daemon off; asprocess off; work_dir; server_id; is_full off;
in_docker on off; disable_daemon_for_docker on off; srs_log_tank console; srs_log_level; srs_log_level_v2; srs_log_file;
utc_time off; ff_log_dir; ff_log_level; grace_start_wait; grace_final_wait; force_grace_quit off; pithy_print_ms;
empty_ip_ok on; inotify_auto_reload off; auto_reload_for_docker off; query_latest_version off; first_wait_for_qlv;
tcmalloc_release_rate; threads any { interval; }
circuit_breaker { enabled off; high_threshold; high_pulse; critical_threshold; critical_pulse; dying_threshold; dying_pulse; }
tencentcloud_cls any { enabled off; }
tencentcloud_apm any { enabled off; }
rtmp { listen; chunk_size; }
rtmps { enabled off; listen; key; cert; }
http_api {
    enabled off; listen; crossdomain;
    raw_api { enabled off; allow_reload; allow_query; allow_update; }
    auth unsafe { enabled off; username; password; }
    https unsafe { enabled off; listen; key; cert; }
}
http_server {
    enabled off; listen; dir; crossdomain;
    https unsafe { enabled off; listen; key; cert; }
}
rtc_server {
    enabled off; listen; dir; protocol; candidate; use_auto_detect_network_ip; ip_family; api_as_candidates;
    resolve_api_domain; keep_api_domain; ecdsa on; encrypt on; reuseport 1; merge_nalus off;
    tcp { enabled off; listen; }
    black_hole { enabled off; addr; }
}
rtsp_server { enabled off; listen; }
stats { enabled; network; disk; }
exporter { enabled off; listen; label; tag; }
heartbeat { enabled off; interval; url; device_id; summaries; ports; }
srt_server {
    enabled off; listen; maxbw; mss; connect_timeout; peer_idle_timeout; default_app; default_mode; default_streamid;
    peerlatency; recvlatency; latency; tsbpdmode; tlpktdrop; sendbuf; recvbuf; payloadsize; passphrase; pbkeylen;
    sei_filter; mix_correct;
}
stream_caster {
    enabled off; caster; output; listen;
    sip { enabled off; listen; timeout; reinvite; candidate; }
}
vhost {
    enabled on; min_latency; tcp_nodelay on; in_ack_size 0; out_ack_size 2500000; chunk_size;
    rtc {
        enabled off; nack on; nack_no_copy on off; twcc on; stun_timeout; stun_strict_check off; dtls_role; dtls_version;
        drop_for_pt 0; init_rate_from_sdp off; rtmp_to_rtc off; keep_bframe off; keep_avc_nalu_sei on; opus_bitrate;
        rtc_to_rtmp off; pli_for_rtmp; aac_bitrate;
    }
    srt { enabled off; srt_to_rtmp; }
    rtsp { enabled off; rtmp_to_rtsp; }
    play {
        gop_cache; gop_cache_max_frames; queue_length; time_jitter; atc off; atc_auto off; mix_correct off; mw_latency;
        mw_msgs; send_min_interval; reduce_sequence_header off;
    }
    publish { mr off; mr_latency; firstpkt_timeout; normal_timeout; parse_sps on; try_annexb_first on; kickoff_for_idle 0; }
    http_remux { enabled off; mount; fast_cache; drop_if_not_match; has_audio; has_video; guess_has_av; }
    http_static { enabled off; mount; dir; }
    hls {
        enabled off; hls_fragment; hls_td_ratio; hls_aof_ratio; hls_window; hls_on_error continue; hls_path; hls_m3u8_file;
        hls_ts_file; hls_ts_floor off; hls_entry_prefix; hls_acodec; hls_vcodec; hls_cleanup; hls_dispose; hls_nb_notify;
        hls_wait_keyframe on; hls_ctx; hls_ts_ctx; hls_dts_directly on off; hls_keys; hls_fragments_per_key; hls_key_file;
        hls_key_file_path; hls_key_url; hls_use_fmp4; hls_fmp4_file; hls_init_file; hls_recover off;
        hls_master_m3u8_path_relative on;
    }
    dash {
        enabled off; dash_fragment; dash_update_period; dash_timeshift; dash_path; dash_mpd_file; dash_window_size;
        dash_cleanup; dash_dispose;
    }
    dvr { enabled off; dvr_apply; dvr_plan; dvr_path; dvr_duration; dvr_wait_keyframe; time_jitter; }
    hds { enabled off; hds_fragment; hds_window; hds_path; }
    http_hooks {
        enabled off; on_connect unsafe; on_publish unsafe; on_play unsafe; on_close; on_unpublish; on_stop; on_dvr;
        on_hls; on_hls_notify;
    }
    security unsafe { enabled off; allow; deny; }
    refer unsafe { enabled off; all; play; publish; }
    forward { enabled off; destination; backend; }
    cluster {
        mode local; origin; token_traverse; vhost; debug_srs_upnode; origin_cluster; coworkers; protocol; follow_client;
    }
    exec { enabled off; publish; }
    transcode {
        enabled off; ffmpeg;
        engine {
            enabled; perfile any {} iformat; vfilter any {} vcodec; vbitrate; vfps; vwidth; vheight; vthreads; vprofile;
            vpreset; vparams any {} acodec; abitrate; asample_rate; achannels; aparams any {} oformat; output;
        }
    }
    ingest {
        enabled off; ffmpeg;
        input { type; url; }
        engine {
            enabled; perfile any {} iformat; vfilter any {} vcodec; vbitrate; vfps; vwidth; vheight; vthreads; vprofile;
            vpreset; vparams any {} acodec; abitrate; asample_rate; achannels; aparams any {} oformat; output;
        }
    }
}
`

// knownDirectives parses the table.
func knownDirectives() *Directive {
	root, err := Parse(Source{Path: "srs", Text: []byte(srsDirectives)}, nil)
	if err != nil {
		panic("config: the table of SRS's directives: " + err.Error())
	}
	return root
}

// marked says whether a directive of the table has an argument: a mark, or a value that asks for nothing.
func (d *Directive) marked(word string) bool {
	if d == nil {
		return false
	}
	for _, a := range d.Args {
		if a.Text == word {
			return true
		}
	}
	return false
}

// repeats tells the directives of SRS that may stand more than once in a block.
func repeats(name string) bool {
	switch name {
	case "vhost", "stream_caster", "transcode", "ingest", "engine", "allow", "deny":
		return true
	}
	return false
}

// eachKnown calls f for every directive of the table, with its path.
func eachKnown(d *Directive, path []string, f func(d *Directive, path []string)) {
	for _, c := range d.Block {
		p := append(path[:len(path):len(path)], c.Name)
		f(c, p)
		eachKnown(c, p, f)
	}
}

// bound returns the declared node of that path, nil if the program does not declare it.
func (n *node) bound(path []string) *node {
	for _, name := range path {
		if n = n.child(name); n == nil {
			return nil
		}
	}
	return n
}

// quotedPath is a path as messages name it.
func quotedPath(path []string) string { return show(strings.Join(path, ".")) }
