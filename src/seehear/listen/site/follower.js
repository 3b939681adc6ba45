// Keeps the picture at the sound's position. The sound is the master: it is never touched.
//
// Each shown frame tells its own time and when it will be on the screen; the difference to the
// position that is heard at that moment is the error. Small errors are taken away by running a little
// faster or slower (the picture is mute, nobody hears it), large ones by a jump.

const CALM_S = 0.004; // smaller errors are left alone
const JUMP_S = 0.2; // larger errors are not worth running after
const NEAR_S = 0.03; // a picture that stands so near when play begins only needs to run
const REMOVE_IN_S = 0.25; // time in which a small error goes away
const MOST = 0.4; // largest change of speed
const LEAST_COST_S = 0.02; // of a jump
const COUNT = 3; // frames whose median is believed

export class Follower {
  /**
   * @param {HTMLVideoElement} video
   * @param {Player} player
   */
  constructor(video, player) {
    Object.assign(this, { video, player, errors: [], jumping: false, landing: false, fresh: true, wrapped: false });
    this.seekCost = 0.05; // how long a jump takes, learnt while running, s
    this.alive = true;
    player.addEventListener("change", () => this.match());
    player.addEventListener("jump", () => this.jump());
    video.addEventListener("seeked", () => this.landed());
    document.addEventListener("visibilitychange", () => !document.hidden && this.jump());
    this.watch();
  }

  /** Stop for good: another clip gets another follower. */
  release() {
    this.alive = false;
  }

  watch() {
    if (!this.alive) return;
    if (this.video.requestVideoFrameCallback) {
      this.video.requestVideoFrameCallback((_, frame) => {
        this.see(frame.mediaTime, frame.expectedDisplayTime);
        this.watch();
      });
    } else {
      requestAnimationFrame((now) => {
        this.see(this.video.currentTime, now);
        this.watch();
      });
    }
  }

  /** Play or pause as the sound does. */
  match() {
    if (!this.alive) return;
    if (this.player.playing && this.video.paused) {
      this.errors = [];
      if (Math.abs(this.video.currentTime - this.player.position) > NEAR_S) this.jump();
      this.video.play().catch(() => {}); // refused or interrupted: the next change tries again
    } else if (!this.player.playing && !this.video.paused) {
      this.video.pause();
      this.jump();
    }
  }

  /** Put the picture where the sound is, and ahead by as long as the jump takes. */
  jump() {
    if (!this.alive || !this.video.readyState) return;
    const heard = this.player.heardAt(performance.now());
    const target = heard === null ? this.player.position : this.ahead(heard);
    if (Math.abs(this.video.currentTime - target) < CALM_S) return;
    this.jumping = true;
    this.errors = [];
    this.video.currentTime = target;
  }

  ahead(heard) {
    const { loop, duration } = this.player;
    const target = heard + this.seekCost;
    if (loop && target >= loop.end) return loop.start + ((target - loop.end) % (loop.end - loop.start));
    return Math.min(target, duration);
  }

  landed() {
    this.landing = this.jumping && this.player.playing;
    this.jumping = false;
    this.fresh = true;
    this.errors = [];
  }

  /**
   * A frame is about to be shown.
   * @param {number} frameTime  s
   * @param {number} shownAt  ms of the page's clock
   */
  see(frameTime, shownAt) {
    const heard = this.player.heardAt(shownAt);
    if (heard === null || this.jumping) return;
    if (this.fresh) {
      this.fresh = false; // the frame that a jump lands in began before its time
      return;
    }
    const { loop } = this.player;
    if (loop && !this.wrapped && loop.end - heard < this.seekCost) {
      this.wrapped = true;
      return void this.jump(); // before the sound does, to land together with it
    }
    if (!loop || loop.end - heard > 2 * this.seekCost) this.wrapped = false;
    let error = frameTime - heard;
    if (loop) {
      const length = loop.end - loop.start;
      if (error < -length / 2) error += length; // jumped before the sound did
      if (frameTime >= loop.end || error > length / 2) return void this.jump(); // the sound did
    }
    this.errors.push(error);
    if (this.errors.length > COUNT) this.errors.shift();
    if (this.errors.length === COUNT) this.correct(median(this.errors));
  }

  correct(error) {
    if (this.landing) {
      this.landing = false;
      this.seekCost = Math.min(Math.max(this.seekCost - error / 2, LEAST_COST_S), 0.5);
    }
    if (Math.abs(error) > JUMP_S) {
      this.jump();
      return;
    }
    const change = Math.abs(error) < CALM_S ? 0 : error / REMOVE_IN_S;
    const rate = 1 - Math.min(Math.max(change, -MOST), MOST);
    if (Math.abs(this.video.playbackRate - rate) > 0.005) this.video.playbackRate = rate;
  }
}

function median(values) {
  return [...values].sort((a, b) => a - b)[values.length >> 1];
}
