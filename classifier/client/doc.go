// Package client reads what ssh wrote on the side that logs in, with -v or
// without, and says at which step a run of ssh ended, on which side the reason
// lies, and why. Its events come from the parser with the catalogue of ssh's
// own messages.
//
// What the server may write into this output (its version, banners, the text of
// a disconnect) decides nothing that ssh itself would say.
package client
