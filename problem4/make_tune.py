"""Makes the tune that problem 4 streams: the Ode to Joy, made of sine waves.

    1$ python problem4/make_tune.py --output my_tune.wav
    1| wrote my_tune.wav: 92204 bytes, 5.8 seconds

A WAV file is a header of 44 bytes, and then the samples in the order in which
you hear them. So a player can begin when it has the first samples. It can
begin early with MP3, Ogg, FLAC, MPEG-TS and MKV files, too. Most programs
write the index of an MP4 file at its end, and without the index a player finds
nothing. Then the whole file must be there before the first sound. (To move the
index to the front: ffmpeg -i in.mp4 -c copy -movflags +faststart out.mp4)

Notice: if bytes in the middle are lost, other bytes must take their place.
Nothing in the file marks where a sample begins. If one byte is missing, the
player joins the second half of each later sample to the first half of the next
one.

Try: play the tune without its 1000th byte (turn the volume down first): in
the folder media, `(head -c 999 tune.wav; tail -c +1001 tune.wav) > cut.wav`.
"""
import argparse
import array
import math
import os
import sys
import wave

TUNE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "media", "tune.wav")
RATE = 8000            # samples a second, as a telephone has; a CD has 44100
BEAT = 0.18            # seconds
FADE = 0.02            # seconds; a tone that stops at once is heard to click
FREQUENCIES = {"C": 261.63, "D": 293.66, "E": 329.63, "F": 349.23, "G": 392.00}  # Hz
MELODY = [  # notes, and how many beats each
    ("E", 2), ("E", 2), ("F", 2), ("G", 2), ("G", 2), ("F", 2), ("E", 2), ("D", 2),
    ("C", 2), ("C", 2), ("D", 2), ("E", 2), ("E", 3), ("D", 1), ("D", 4)]


def tone(frequency, seconds):
    """Return the samples of a tone, from -1 to 1, that begins and ends softly."""
    samples = []
    for number in range(round(seconds * RATE)):
        time = number / RATE
        volume = min(1, time / FADE, (seconds - time) / FADE)
        samples.append(0.5 * volume * math.sin(2 * math.pi * frequency * time))
    return samples


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", default=TUNE,
                        help="the file to write (default: media/tune.wav)")
    args = parser.parse_args()
    sys.stdout.reconfigure(line_buffering=True, errors="replace")  # also in a pipe
    samples = array.array("h")  # 16 bits each
    for note, beats in MELODY:
        samples.extend(round(32767 * sample)
                       for sample in tone(FREQUENCIES[note], beats * BEAT))
    if sys.byteorder == "big":
        samples.byteswap()      # WAV is little-endian
    with open(args.output, "wb") as file, wave.open(file, "wb") as tune:
        tune.setnchannels(1)
        tune.setsampwidth(2)
        tune.setframerate(RATE)
        tune.writeframes(samples.tobytes())
    print(f"wrote {args.output}: {os.path.getsize(args.output)} bytes, "
          f"{len(samples) / RATE:.1f} seconds")


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        print("\nstopped")
    except OSError as error:
        sys.exit(f"error: cannot write the tune: {error}; try another --output")
