//go:build unix

package main

import (
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// monitored gives /metrics (Prometheus), /healthz and /readyz. The service
// changes when the configuration is reloaded.
func monitored(current func() *service) http.Handler {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), &collector{current})
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		if s := current(); s == nil || time.Since(time.Unix(0, s.watch.beat.Load())) > standsStill {
			http.Error(w, "nothing moves", http.StatusServiceUnavailable)
			return
		}
		w.Write([]byte("ok\n"))
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		s := current()
		if s == nil {
			http.Error(w, "starting", http.StatusServiceUnavailable)
			return
		}
		st := s.status()
		if !st.Ready {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		answer(w, st)
	})
	return mux
}

// collector turns the status into metrics when they are asked for.
type collector struct{ current func() *service }

var (
	linesDesc   = prometheus.NewDesc("sshwhy_lines_total", "Lines read, by what became of them.", []string{"line"}, nil)
	lostDesc    = prometheus.NewDesc("sshwhy_lines_maybe_lost_total", "Lines that may have been lost before they could be read.", nil, nil)
	troubleDesc = prometheus.NewDesc("sshwhy_troubles_total", "Parts of logs that could not be read.", nil, nil)
	ageDesc     = prometheus.NewDesc("sshwhy_source_last_line_age_seconds", "Time since the last line of a source.", []string{"source"}, nil)
	queuedDesc  = prometheus.NewDesc("sshwhy_sink_queued", "Items that wait for a sink.", []string{"sink"}, nil)
	oldestDesc  = prometheus.NewDesc("sshwhy_sink_oldest_seconds", "How long the first item of a sink's queue has waited.", []string{"sink"}, nil)
	itemsDesc   = prometheus.NewDesc("sshwhy_sink_items_total", "Items of a sink, by what became of them.", []string{"sink", "result"}, nil)
	failingDesc = prometheus.NewDesc("sshwhy_sink_failing", "1 where the last try failed.", []string{"sink"}, nil)
	evictedDesc = prometheus.NewDesc("sshwhy_inspect_refused_total", "Questions to this host that were not asked because too many waited.", nil, nil)
)

// Describe implements prometheus.Collector.
func (c *collector) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{linesDesc, lostDesc, troubleDesc, ageDesc, queuedDesc, oldestDesc, itemsDesc, failingDesc, evictedDesc} {
		out <- d
	}
}

// Collect implements prometheus.Collector.
func (c *collector) Collect(out chan<- prometheus.Metric) {
	s := c.current()
	if s == nil {
		return
	}
	st := s.status()
	count := func(d *prometheus.Desc, v float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, v, labels...)
	}
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	count(linesDesc, float64(st.Lines.Parsed), "parsed")
	count(linesDesc, float64(st.Lines.Unparsed), "unparsed")
	count(linesDesc, float64(st.Lines.Skipped), "skipped")
	count(lostDesc, float64(st.Lines.MaybeLost))
	count(troubleDesc, float64(s.watch.troubles.Load()))
	for _, l := range st.Sources {
		gauge(ageDesc, l.Age, l.Name)
	}
	for _, k := range st.Sinks {
		gauge(queuedDesc, float64(k.Queued), k.Name)
		gauge(oldestDesc, k.Oldest, k.Name)
		count(itemsDesc, float64(k.Delivered), k.Name, "delivered")
		count(itemsDesc, float64(k.Refused), k.Name, "refused")
		count(itemsDesc, float64(k.Dropped), k.Name, "dropped")
		failing := 0.0
		if k.Failing {
			failing = 1
		}
		gauge(failingDesc, failing, k.Name)
	}
	if s.inspector != nil {
		count(evictedDesc, float64(s.inspector.Refused()))
	}
}
