// Package alerts joins findings that belong together, so that people are told
// one useful thing once.
//
// A rule says which findings count, what those of one alert share, and how
// many within which time make one. Windows run on the log's own time; an alert
// ends when nothing has come for a while, which ticks notice on a log that
// has fallen silent, or when a finding shows that the trouble is over.
//
// What is told how often: an alert when it begins, when it has ten times as
// many findings, when another cause comes to it, as a reminder, and when it is
// over; between these an update for sinks that can change what they wrote. When
// one rule would begin more alerts in a minute than people read, the rest is
// told as one. Strangers who guess names are counted once a day.
//
// All of it is kept in the ledger together with the findings, so that a program
// that was killed neither forgets nor repeats an alert.
package alerts
