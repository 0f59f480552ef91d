package live

var IsBeingWritten = isBeingWritten
