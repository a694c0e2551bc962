package archives

import (
	"cmp"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A log and what it was rotated to are one stream, in the order of what they
// hold. Names tell only what may belong together; they decide on the order
// where the content cannot.

// packedName is what packing adds to a name.
var packedName = regexp.MustCompile(`\.(gz|xz|zst|zstd|bz2|lz4|Z)$`)

// rotatedName is what rotation adds: a number (logrotate, newsyslog, savelog),
// a date (dateext), or a word; before or behind ".log".
var rotatedName = regexp.MustCompile(`^(.+?)(?:\.(\d{1,4})|[-._](\d{4}-?\d{2}-?\d{2}(?:[-_T.]?\d{2,10})?|\d{10})|\.(old|bak|prev))(\.log)?$`)

// rotation is where the name of a file puts it among those of its log.
type rotation struct {
	// log is the name without what rotation added.
	log string
	// back counts from the newest, 0, where the name has a number.
	back int
	// date is digits that sort as the dates do, "" where it has none.
	date string
}

// rotationOf reads a name, folder and all.
func rotationOf(name string) rotation {
	at := strings.LastIndexAny(name, `/\:`) + 1
	folder, file := name[:at], packedName.ReplaceAllString(name[at:], "")
	m := rotatedName.FindStringSubmatch(file)
	if m == nil {
		return rotation{log: folder + file}
	}
	r := rotation{log: folder + m[1] + m[5]}
	switch {
	case m[2] != "":
		r.back, _ = strconv.Atoi(m[2])
		r.back++ // .0 is older than the one without a number
	case m[3] != "":
		r.date = strings.Map(func(ch rune) rune {
			if ch < '0' || ch > '9' {
				return -1
			}
			return ch
		}, m[3])
	default:
		r.back = 1
	}
	return r
}

// compare orders rotations of one log, older ones first.
func (r rotation) compare(o rotation) int {
	if (r.date == "") != (o.date == "") {
		return cmp.Compare(o.date, r.date) // without a date: the newest
	}
	if c := cmp.Compare(r.date, o.date); c != 0 {
		return c
	}
	return cmp.Compare(o.back, r.back)
}

// stream is the pieces of one log in the order of time.
type stream struct {
	pieces []*piece
	first  int64 // the time of its first line, 0 where not known
	order  int   // its place among the streams
}

// arrange makes streams of pieces. Without times every piece stands alone, in
// the order given.
func (t *times) arrange(pieces []*piece, year int, zone *time.Location) []*stream {
	var streams []*stream
	for _, set := range sets(pieces) {
		for _, one := range t.separate(set) {
			s := &stream{pieces: one, order: len(streams)}
			if year != 0 {
				t.state(s, year, zone)
			}
			for _, p := range one {
				if p.first != 0 {
					s.first = p.first
					break
				}
			}
			streams = append(streams, s)
		}
	}
	if t.clock != nil {
		nameHosts(streams)
	}
	return streams
}

// nameHosts says whose lines without a host those of each of several streams
// are, so that processes of one number are told apart: the folder that no other
// stream lies in (/var/log/HOST/sshd.log, /var/log/pods/POD/sshd/0.log), else
// the log.
func nameHosts(streams []*stream) {
	if len(streams) < 2 {
		return
	}
	names := make([][]string, len(streams))
	count := map[string]int{}
	for i, s := range streams {
		names[i] = strings.FieldsFunc(rotationOf(s.pieces[0].name).log, func(ch rune) bool { return ch == '/' || ch == '\\' || ch == ':' })
		for _, name := range slices.Compact(slices.Sorted(slices.Values(names[i]))) {
			count[name]++
		}
	}
	for i, s := range streams {
		host := []byte(hostIn(names[i], count))
		for _, p := range s.pieces {
			p.host = host
		}
	}
}

// hostIn gives the innermost folder of a path that only one stream lies in, or
// else the file's name, or the whole.
func hostIn(names []string, count map[string]int) string {
	last := len(names) - 1
	for _, name := range slices.Backward(names[:max(last, 0)]) {
		if count[name] == 1 {
			return name
		}
	}
	if last >= 0 && count[names[last]] == 1 {
		return names[last]
	}
	return strings.Join(names, "/")
}

// sets puts together what the names say may be one log.
func sets(pieces []*piece) [][]*piece {
	var list [][]*piece
	at := map[string]int{}
	for _, p := range pieces {
		if p.journal && p.packed == "" {
			folder := p.name[:strings.LastIndexAny(p.name, `/\:`)+1]
			if i, ok := at["journal of "+folder]; ok {
				whole := list[i][0]
				whole.files = append(whole.files, p.at)
				whole.input.Size += p.at.size
				continue
			}
			at["journal of "+folder] = len(list)
		}
		if p.stream != nil || p.journal || p.export {
			list = append(list, []*piece{p})
			continue
		}
		name := rotationOf(p.name).log
		i, ok := at[name]
		if !ok {
			i = len(list)
			at[name] = i
			list = append(list, nil)
		}
		list[i] = append(list[i], p)
	}
	return list
}

// separate orders a set, and takes it apart again where its pieces overlap:
// they are not of one log then.
func (t *times) separate(set []*piece) [][]*piece {
	if len(set) == 1 {
		return [][]*piece{set}
	}
	slices.SortStableFunc(set, func(a, b *piece) int { return rotationOf(a.name).compare(rotationOf(b.name)) })
	if t.clock == nil {
		return [][]*piece{set}
	}
	for _, p := range set {
		t.tail(p)
	}
	if copied(set) {
		t.chain(set)
	}
	timed, untimed := apart(set)
	slices.SortStableFunc(timed, func(a, b *piece) int { return cmp.Compare(a.first, b.first) })
	var list [][]*piece
	for _, p := range timed {
		i := slices.IndexFunc(list, func(one []*piece) bool {
			return one[len(one)-1].last() <= p.first+int64(overlap)
		})
		if i < 0 {
			list = append(list, []*piece{p})
			continue
		}
		list[i] = append(list[i], p)
	}
	if len(list) == 0 {
		return [][]*piece{untimed}
	}
	list[0] = append(list[0], untimed...)
	return list
}

// overlap is how much later than the first line of the next the last line of a
// file may be: clocks are set back.
const overlap = time.Hour

// apart splits pieces into those with a time and those without.
func apart(set []*piece) (timed, untimed []*piece) {
	for _, p := range set {
		if p.first != 0 {
			timed = append(timed, p)
		} else {
			untimed = append(untimed, p)
		}
	}
	return timed, untimed
}

// copied tells that the times of change of a set say nothing of its lines: they
// lie together, and the lines do not.
func copied(set []*piece) bool {
	var early, late time.Time
	var first, last int64
	for _, p := range set {
		if !p.yearless() || p.modified.IsZero() {
			continue
		}
		if early.IsZero() || p.modified.Before(early) {
			early = p.modified
		}
		if p.modified.After(late) {
			late = p.modified
		}
		if first == 0 || p.first < first {
			first = p.first
		}
		last = max(last, p.first)
	}
	return last-first > day && late.Sub(early) < time.Hour
}

// chain dates pieces that stand in the order of their names, from the newest
// back: none begins later than the one behind it.
func (t *times) chain(set []*piece) {
	var limit time.Time
	for _, p := range slices.Backward(set) {
		if p.first == 0 {
			continue
		}
		if p.yearless() && !limit.IsZero() && p.first > limit.Add(24*time.Hour).UnixNano() {
			before := p.first
			p.first, _ = t.clock(p.line, limit)
			p.input.First, p.input.Year = p.first, YearOrder
			for i := range p.marks {
				p.marks[i].time -= before - p.first
			}
		}
		limit = time.Unix(0, p.first)
	}
}

// state dates the pieces of a stream whose first line is of a year that the
// user knows.
func (t *times) state(s *stream, year int, zone *time.Location) {
	newest := time.Date(year, time.December, 30, 23, 59, 59, 0, zone)
	for _, p := range s.pieces {
		if !p.yearless() {
			continue
		}
		before := p.first
		p.first, _ = t.clock(p.line, newest)
		p.input.First, p.input.Year = p.first, YearStated
		for i := range p.marks {
			p.marks[i].time += p.first - before
		}
		newest = time.Unix(0, max(p.first, p.last())+halfYear)
	}
}
